// Replay golden vectors of a hand-off folder.
//
//   replay MODEL.onnx LIMIT SET...   runs the data sets, which are one sequence of vectors.json, as one stream
//   replay --pictures SET...         scales the pictures of preprocess/
//
// Prints a line of JSON; exits with 1 where something is off by more than LIMIT (a pixel by more than 1).
#include <cmath>
#include <exception>
#include <iostream>
#include <limits>

#include "model.hpp"
#include "picture.hpp"
#include "tensor_file.hpp"

namespace {

using framestream::Model, framestream::State, framestream::read_tensors;
using Paths = std::vector<std::filesystem::path>;

struct Findings {
  double off = 0;
  int predictions = 0, other_decisions = 0;
  std::string first;
};

// Differences count as a share of the tensor's largest number, or of 1.
double difference(const std::vector<float>& found, const std::vector<float>& wanted, std::size_t at, double scale) {
  double largest = 0;
  for (std::size_t index = 0; index < found.size(); ++index) {
    const double one = std::abs(static_cast<double>(found[index]) - wanted.at(at + index)) / scale;
    if (std::isnan(one)) return std::numeric_limits<double>::max();  // JSON knows no infinity
    largest = std::max(largest, one);
  }
  return largest;
}

double scale_of(const std::vector<float>& values) {
  float largest = 1;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

// Whether another label wins, where the first two are not as good as level.
bool decides_otherwise(const std::vector<float>& row, std::vector<float> wanted, double limit) {
  const auto best = std::max_element(wanted.begin(), wanted.end()) - wanted.begin();
  const auto found = std::max_element(row.begin(), row.end()) - row.begin();
  std::nth_element(wanted.begin(), wanted.begin() + 1, wanted.end(), std::greater<>());
  return found != best && wanted[0] - wanted[1] > std::min(2 * limit, 0.1);
}

// Cameras are run one by one and frame by frame, each with the state that came out of its own last frame.
Findings replay_sequence(Model& model, double limit, const Paths& sets) {
  const int window = static_cast<int>(model.number("window"));
  std::vector<State> states;
  Findings findings;
  int before = 0;
  for (const auto& folder : sets) {
    const auto frames = read_tensors(folder, "input").at("frames");
    const auto outputs = read_tensors(folder, "output");
    const int cameras = static_cast<int>(frames.shape.at(0)), steps = static_cast<int>(frames.shape.at(1));
    const std::size_t frame_size = frames.bytes.size() / (cameras * steps);
    states.resize(cameras, model.zeros());
    const auto check = [&](const std::string& name, const std::vector<float>& found, std::size_t index) {
      const auto wanted = outputs.at(name).floats();
      const double off = difference(found, wanted, index * found.size(), scale_of(wanted));
      findings.off = std::max(findings.off, off);
      if (off > limit && findings.first.empty()) findings.first = folder.filename().string() + ": " + name;
    };
    for (int camera = 0; camera < cameras; ++camera) {
      for (int step = 0; step < steps; ++step) {
        const std::size_t index = camera * steps + step;
        const auto* begin = frames.bytes.data() + index * frame_size;
        std::vector<std::uint8_t> frame(begin, begin + frame_size);
        const auto row = model.run(frame, states[camera]);
        check("probabilities", row, index);
        if (before + step + 1 < window) continue;
        const auto wanted = outputs.at("probabilities").floats();
        const auto first = wanted.begin() + index * row.size();
        findings.predictions += 1;
        findings.other_decisions += decides_otherwise(row, {first, first + row.size()}, limit) ? 1 : 0;
      }
      for (const auto& [name, values] : states[camera]) check("next_" + name, values, camera);
    }
    before += steps;
  }
  return findings;
}

bool report_sequence(const std::string& model_path, double limit, const Paths& sets) {
  Model model(model_path);
  const auto found = replay_sequence(model, limit, sets);
  const bool passed = found.predictions > 0 && found.first.empty() && found.other_decisions == 0;
  std::cout << "{\"sets\": " << sets.size() << ", \"off\": " << found.off << ", \"limit\": " << limit
            << ", \"answers\": " << found.predictions << ", \"other_decisions\": " << found.other_decisions
            << ", \"first_difference\": " << (found.first.empty() ? "null" : "\"" + found.first + "\"")
            << ", \"passed\": " << (passed ? "true" : "false") << "}\n";
  return passed;
}

bool report_pictures(const Paths& sets) {
  int off = 0;
  for (const auto& folder : sets) {
    const auto picture = read_tensors(folder, "input").at("picture");
    const auto wanted = read_tensors(folder, "output").at("frame");
    const auto side = [](const auto& tensor, int axis) { return static_cast<int>(tensor.shape.at(axis)); };
    const std::vector<std::uint8_t> bytes(picture.bytes.begin(), picture.bytes.end());
    const auto found = framestream::fit(bytes, side(picture, 0), side(picture, 1), side(wanted, 0), side(wanted, 1));
    for (std::size_t index = 0; index < found.size(); ++index)
      off = std::max(off, std::abs(found[index] - static_cast<std::uint8_t>(wanted.bytes.at(index))));
  }
  const bool passed = !sets.empty() && off <= 1;
  std::cout << "{\"sets\": " << sets.size() << ", \"off\": " << off << ", \"limit\": 1, \"passed\": "
            << (passed ? "true" : "false") << "}\n";
  return passed;
}

}  // namespace

int main(int count, char** given) {
  const std::string first = count > 1 ? given[1] : "";
  if (count < 3 || (first != "--pictures" && count < 4)) {
    std::cerr << "usage: replay MODEL.onnx LIMIT SET... | replay --pictures SET...\n";
    return 2;
  }
  try {
    if (first == "--pictures") return report_pictures({given + 2, given + count}) ? 0 : 1;
    return report_sequence(first, std::stod(given[2]), {given + 3, given + count}) ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
