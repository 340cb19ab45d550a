// A FrameStream model, run one frame at a time on ONNX Runtime's C API, through its C++ wrapper, which is headers only.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace framestream {

// Recurrent state by name; each camera has its own.
using State = std::map<std::string, std::vector<float>>;

inline std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class Model {
 public:
  explicit Model(const std::filesystem::path& path)
      : environment_(ORT_LOGGING_LEVEL_WARNING, "framestream"), session_(environment_, path.c_str(), options()) {
    if (fact("spec_version") != "1") throw std::runtime_error("the model's metadata is of another version than 1");
    for (const char* name : {"height", "width"}) frame_shape_[name[0] == 'h' ? 2 : 3] = std::stoll(fact(name));
    const auto names = split_lines(fact("state_names"));
    for (std::size_t index = 0; index < session_.GetInputCount(); ++index) {
      const std::string name = session_.GetInputNameAllocated(index, allocator_).get();
      if (std::find(names.begin(), names.end(), name) == names.end()) continue;
      auto shape = session_.GetInputTypeInfo(index).GetTensorTypeAndShapeInfo().GetShape();
      shape[0] = 1;  // one camera
      shapes_[name] = shape;
    }
    if (shapes_.size() != names.size()) throw std::runtime_error("the model lacks a state that its metadata names");
  }

  // One of the model's metadata, without the `framestream.` of its key.
  std::string fact(const std::string& name) const {
    const auto key = "framestream." + name;
    const auto value = session_.GetModelMetadata().LookupCustomMetadataMapAllocated(key.c_str(), allocator_);
    if (value == nullptr) throw std::runtime_error("the model has no " + key + ": it was not exported by FrameStream");
    return value.get();
  }

  double number(const std::string& name) const { return std::stod(fact(name)); }

  // The state that starts a stream.
  State zeros() const {
    State state;
    for (const auto& [name, shape] : shapes_) state[name].assign(size_of(shape), 0.0F);
    return state;
  }

  // Run one frame, RGB bytes [height, width, 3]; returns the probabilities and replaces the state by the next.
  std::vector<float> run(std::vector<std::uint8_t>& frame, State& state) {
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<std::string> outputs{"probabilities"};
    std::vector<const char*> input_names{"frames"}, output_names;
    std::vector<Ort::Value> inputs;
    inputs.push_back(Ort::Value::CreateTensor(memory, frame.data(), frame.size(), frame_shape_.data(), 5));
    for (auto& [name, values] : state) {
      const auto& shape = shapes_.at(name);
      inputs.push_back(Ort::Value::CreateTensor(memory, values.data(), values.size(), shape.data(), shape.size()));
      input_names.push_back(name.c_str());
      outputs.push_back("next_" + name);
    }
    for (const auto& name : outputs) output_names.push_back(name.c_str());
    const auto found = session_.Run(Ort::RunOptions{nullptr}, input_names.data(), inputs.data(), inputs.size(),
                                    output_names.data(), output_names.size());
    // What comes out as `next_x` goes in as `x`.
    std::size_t index = 1;
    for (auto& [name, values] : state) values = floats(found[index++]);
    return floats(found[0]);
  }

 private:
  static Ort::SessionOptions options() {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);  // these models are small
    return options;
  }

  static std::size_t size_of(const std::vector<std::int64_t>& shape) {
    return static_cast<std::size_t>(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
  }

  static std::vector<float> floats(const Ort::Value& value) {
    const auto* data = value.GetTensorData<float>();
    return {data, data + value.GetTensorTypeAndShapeInfo().GetElementCount()};
  }

  Ort::Env environment_;
  Ort::Session session_;
  mutable Ort::AllocatorWithDefaultOptions allocator_;
  std::array<std::int64_t, 5> frame_shape_{1, 1, 0, 0, 3};
  std::map<std::string, std::vector<std::int64_t>> shapes_;
};

}  // namespace framestream
