// From rows of probabilities to events: a state machine for one stream without gaps that starts at 0 seconds.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "model.hpp"

namespace framestream {

struct Event {
  std::string label;
  double score, start_seconds, end_seconds;
};

class EventDetector {
 public:
  explicit EventDetector(const Model& model)
      : labels_(split_lines(model.fact("labels"))),
        background_(model.fact("background")),
        enter_(model.number("event_enter")),
        leave_(model.number("event_leave")),
        least_(model.number("event_min_seconds")),
        rate_(model.number("frame_rate")),
        anchor_(model.number("anchor_frames")),
        // nearbyint rounds halves to even, as FrameStream does.
        size_(std::max(1.0, std::nearbyint(model.number("event_smoothing_seconds") * rate_))) {}

  // Take the next row, computed at `seconds`; returns the event that ended with it, if one did.
  std::optional<Event> push(double seconds, const std::vector<float>& row) {
    recent_.push_back(row);
    if (recent_.size() > size_) recent_.pop_front();
    std::vector<double> mean(labels_.size());
    for (std::size_t label = 0; label < mean.size(); ++label) {
      for (const auto& one : recent_) mean[label] += one[label];
      mean[label] /= static_cast<double>(recent_.size());
    }
    // A row speaks for the time from its own centre on, the first one for all before it, too.
    const double delay = (anchor_ + (static_cast<double>(recent_.size()) - 1) / 2) / rate_;
    const double moment = is_first_ ? 0 : std::max(0.0, seconds - delay);
    is_first_ = false;
    std::optional<std::size_t> top;
    for (std::size_t label = 0; label < mean.size(); ++label)
      if (labels_[label] != background_ && mean[label] >= enter_ && (!top || mean[label] > mean[*top])) top = label;
    std::optional<Event> ended;
    if (open_ && (mean[open_->label] < leave_ || (top && *top != open_->label))) ended = flush(moment);
    if (!open_ && top) open_ = Open{*top, moment, 0, 0};
    if (open_) {
      open_->sum += mean[open_->label];
      open_->count += 1;
    }
    return ended;
  }

  // End the event that goes on; nothing where there is none, or it is too short.
  std::optional<Event> flush(double end_seconds) {
    if (!open_) return {};
    const Open open = *open_;
    open_.reset();
    const double length = end_seconds - open.start;
    if (length <= 0 || length < least_ - 1e-6) return {};
    return Event{labels_[open.label], open.sum / open.count, open.start, end_seconds};
  }

  const std::vector<std::string>& labels() const { return labels_; }

 private:
  struct Open {
    std::size_t label;
    double start, sum;
    int count;
  };

  std::vector<std::string> labels_;
  std::string background_;
  double enter_, leave_, least_, rate_, anchor_, size_;
  std::deque<std::vector<float>> recent_;
  std::optional<Open> open_;
  bool is_first_ = true;
};

}  // namespace framestream
