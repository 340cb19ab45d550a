// Scaling, as a FrameStream model wants its pictures scaled.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace framestream {

struct Share {
  int from;
  float weight;
};

// For each of `want` pixels in a row, which of `have` pixels it is made of.
inline std::vector<std::vector<Share>> shares_of(int have, int want, bool shrinks) {
  std::vector<std::vector<Share>> shares(want);
  const double scale = static_cast<double>(have) / want;
  for (int to = 0; to < want; ++to) {
    if (shrinks) {
      // The mean of the area that it covers.
      const double begin = to * scale, end = (to + 1) * scale;
      for (int from = static_cast<int>(begin); from < std::min<double>(end, have); ++from) {
        const double overlap = std::min(from + 1.0, end) - std::max<double>(from, begin);
        if (overlap > 0) shares[to].push_back({from, static_cast<float>(overlap / scale)});
      }
    } else {
      // Bilinear, with half-pixel centres.
      const double centre = std::clamp((to + 0.5) * scale - 0.5, 0.0, have - 1.0);
      const int from = static_cast<int>(centre);
      shares[to].push_back({from, static_cast<float>(1 - (centre - from))});
      if (centre > from) shares[to].push_back({from + 1, static_cast<float>(centre - from)});
    }
  }
  return shares;
}

// Stretch a picture, RGB bytes [height, width, 3], to another size. Where both sides shrink or stay, each pixel is the
// mean of the area it covers; where one grows, bilinear is used for both.
inline std::vector<std::uint8_t> fit(const std::vector<std::uint8_t>& picture, int height, int width, int to_height,
                                     int to_width) {
  const bool shrinks = height >= to_height && width >= to_width;
  const auto down = shares_of(height, to_height, shrinks), across = shares_of(width, to_width, shrinks);
  const int row_length = to_width * 3;
  std::vector<float> narrow(static_cast<std::size_t>(height) * row_length);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < to_width; ++x)
      for (const auto& share : across[x])
        for (int c = 0; c < 3; ++c)
          narrow[y * row_length + 3 * x + c] += share.weight * picture[(y * width + share.from) * 3 + c];
  std::vector<std::uint8_t> fitted(static_cast<std::size_t>(to_height) * row_length);
  for (int y = 0; y < to_height; ++y)
    for (int i = 0; i < row_length; ++i) {
      float sum = 0;
      for (const auto& share : down[y]) sum += share.weight * narrow[share.from * row_length + i];
      fitted[y * row_length + i] = static_cast<std::uint8_t>(std::clamp(std::nearbyint(sum), 0.0F, 255.0F));
    }
  return fitted;
}

}  // namespace framestream
