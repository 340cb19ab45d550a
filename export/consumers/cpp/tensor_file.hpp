// Golden tensors: ONNX's TensorProto, as far as golden vectors use it, read without a protobuf library.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace framestream {

struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::string bytes;  // raw, little-endian

  std::vector<float> floats() const {
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    return values;
  }
};

// Reads the fields of a protobuf message one by one.
class Fields {
 public:
  explicit Fields(std::string data) : data_(std::move(data)) {}

  bool at_end() const { return at_ >= data_.size(); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_end()) throw std::runtime_error("a tensor's file is cut off");
      const auto byte = static_cast<unsigned char>(data_[at_++]);
      value |= std::uint64_t{byte & 127U} << shift;
      if (byte < 128) return value;
    }
    throw std::runtime_error("this is no tensor's file");
  }

  std::string bytes() {
    const auto size = varint();
    if (size > data_.size() - at_) throw std::runtime_error("a tensor's file is cut off");
    at_ += size;
    return data_.substr(at_ - size, size);
  }

 private:
  std::string data_;
  std::size_t at_ = 0;
};

inline Tensor read_tensor(const std::filesystem::path& path) {
  enum { kDims = 1, kDataType = 2, kName = 8, kRawData = 9 };
  enum { kVarint = 0, kBytes = 2 };
  std::ifstream file(path, std::ios::binary);
  Fields fields({std::istreambuf_iterator<char>(file), {}});
  Tensor tensor;
  while (!fields.at_end()) {
    const auto key = fields.varint();
    if ((key & 7) == kVarint) {
      const auto value = fields.varint();
      if (key >> 3 == kDims) tensor.shape.push_back(static_cast<std::int64_t>(value));
    } else if ((key & 7) == kBytes) {
      auto value = fields.bytes();
      if (key >> 3 == kName) tensor.name = value;
      if (key >> 3 == kRawData) tensor.bytes = std::move(value);
      if (key >> 3 == kDims) {
        Fields packed(std::move(value));
        while (!packed.at_end()) tensor.shape.push_back(static_cast<std::int64_t>(packed.varint()));
      }
    } else {
      throw std::runtime_error(path.string() + " is no tensor's file");
    }
  }
  return tensor;
}

// The tensors `input_I.pb` or `output_I.pb` of a data set, by name.
inline std::map<std::string, Tensor> read_tensors(const std::filesystem::path& folder, const std::string& side) {
  std::map<std::string, Tensor> tensors;
  for (int index = 0;; ++index) {
    const auto path = folder / (side + "_" + std::to_string(index) + ".pb");
    if (!std::filesystem::exists(path)) break;
    auto tensor = read_tensor(path);
    tensors.emplace(tensor.name, std::move(tensor));
  }
  if (tensors.empty()) throw std::runtime_error(folder.string() + " has no " + side + "_0.pb");
  return tensors;
}

}  // namespace framestream
