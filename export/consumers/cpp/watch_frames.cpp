// Watch raw frames on standard input, RGB bytes, at a constant rate:
//
//   ffmpeg -v error -i FILM -vf format=rgb24 -f rawvideo - | watch_frames MODEL.onnx WIDTH HEIGHT FRAMES_PER_SECOND
//
// Prints a line of JSON for each prediction and event.
#include <cstdio>
#include <exception>
#include <iomanip>
#include <iostream>

#include "events.hpp"
#include "model.hpp"
#include "picture.hpp"

namespace {

using framestream::Event, framestream::EventDetector, framestream::Model, framestream::State;

std::string quoted(const std::string& text) {
  std::ostringstream json;
  json << '"';
  for (const char c : text) {
    if (c == '"' || c == '\\')
      json << '\\' << c;
    else if (static_cast<unsigned char>(c) < 0x20)
      json << "\\u" << std::hex << std::setw(4) << std::setfill('0') << static_cast<int>(c) << std::dec;
    else
      json << c;
  }
  json << '"';
  return json.str();
}

void print(const std::optional<Event>& event) {
  if (event)
    std::cout << R"({"type": "event", "label": )" << quoted(event->label) << R"(, "score": )" << event->score
              << R"(, "start_seconds": )" << event->start_seconds << R"(, "end_seconds": )" << event->end_seconds
              << "}\n";
}

// One stream without gaps: the clock, the state, the rows and the events.
class Stream {
 public:
  explicit Stream(Model& model)
      : model_(model), detector_(model), state_(model.zeros()), window_(static_cast<int>(model.number("window"))) {}

  // Run one frame of the model's size. The first `window - 1` rows look at frames that never were: no predictions.
  void push(double seconds, std::vector<std::uint8_t>& frame) {
    const auto row = model_.run(frame, state_);
    if (++rows_ < window_) return;
    const auto best = std::max_element(row.begin(), row.end());
    std::cout << R"({"type": "prediction", "pts_seconds": )" << seconds << ", \"label\": "
              << quoted(detector_.labels()[best - row.begin()]) << ", \"score\": " << *best << "}\n";
    print(detector_.push(seconds, row));
  }

  // A stream shorter than a window holds its last frame until there is one.
  void end(double last_tick_seconds, double end_seconds, std::vector<std::uint8_t>& frame) {
    while (rows_ < window_) push(last_tick_seconds, frame);
    print(detector_.flush(end_seconds));
  }

 private:
  Model& model_;
  EventDetector detector_;
  State state_;
  int window_;
  int rows_ = 0;
};

void watch(Model& model, int width, int height, double frames_per_second) {
  const double rate = model.number("frame_rate");
  const int to_width = std::stoi(model.fact("width")), to_height = std::stoi(model.fact("height"));
  Stream stream(model);
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(width) * height * 3), frame;
  long index = 0, ticks = 0;
  // Ticks are at k / rate; each gets the first frame at or after it, or the one before if none came before the next.
  for (; std::fread(picture.data(), 1, picture.size(), stdin) == picture.size(); ++index) {
    const long due = static_cast<long>((index / frames_per_second + 0.001) * rate);
    if (due < ticks) continue;
    for (; ticks < due; ++ticks) stream.push(ticks / rate, frame);
    frame = framestream::fit(picture, height, width, to_height, to_width);
    stream.push(ticks++ / rate, frame);
  }
  if (index == 0) throw std::runtime_error("no whole frame on standard input");
  stream.end((ticks - 1) / rate, index / frames_per_second, frame);
}

}  // namespace

int main(int count, char** given) {
  if (count != 5) {
    std::cerr << "usage: watch_frames MODEL.onnx WIDTH HEIGHT FRAMES_PER_SECOND < RGB_FRAMES\n";
    return 2;
  }
  try {
    Model model(given[1]);
    std::cout << std::setprecision(9);
    watch(model, std::stoi(given[2]), std::stoi(given[3]), std::stod(given[4]));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
