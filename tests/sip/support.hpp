#pragma once
// Bytes in exact-size heap blocks, so that a sanitizer sees one byte too many, and messages from a few words.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "muster/sip/parse.hpp"

namespace muster::sip {

/// A copy of `text` with nothing behind it.
class Bytes {
public:
    explicit Bytes(std::string_view text) : data_(new char[text.size()]), size_(text.size()) {
        std::copy(text.begin(), text.end(), data_.get());
    }
    std::string_view view() const { return {data_.get(), size_}; }

private:
    std::unique_ptr<char[]> data_;
    std::size_t size_;
};

/// A message parsed from bytes of its own.
struct Parsed {
    explicit Parsed(std::string_view text, const base::Limits& limits = {})
        : bytes(text), result(parse(bytes.view(), message, limits)) {}

    Bytes bytes;
    Message message;
    ParseResult result;
};

/// The lines of a REGISTER. A line given to with() replaces those of the same name; without() takes them away.
class Lines {
public:
    Lines& with(std::string line) {
        without(line.substr(0, line.find(':')));
        lines_.push_back(std::move(line));
        return *this;
    }
    Lines& and_also(std::string line) {
        lines_.push_back(std::move(line));
        return *this;
    }
    Lines& without(std::string_view name) {
        std::erase_if(lines_, [&](const std::string& line) { return line.substr(0, line.find(':')) == name; });
        return *this;
    }
    Lines& start(std::string line) {
        start_ = std::move(line);
        return *this;
    }
    std::string text(std::string_view body = {}) const {
        auto out = start_ + "\r\n";
        for (const auto& line : lines_) out += line + "\r\n";
        return out + "\r\n" + std::string(body);
    }

private:
    std::string start_ = "REGISTER sip:example.com SIP/2.0";
    std::vector<std::string> lines_{"Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa1",
                                    "Max-Forwards: 70",
                                    "From: <sip:a@example.com>;tag=f",
                                    "To: <sip:a@example.com>",
                                    "Call-ID: c1@192.0.2.9",
                                    "CSeq: 7 REGISTER",
                                    "Contact: <sip:a@192.0.2.9>",
                                    "Content-Length: 0"};
};

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

inline const std::filesystem::path torture_folder = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/data/torture";

/// Every message of RFC 4475 and RFC 5118, in the order of their names.
inline std::vector<std::string> torture_corpus() {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(torture_folder))
        if (entry.is_regular_file() && entry.path().extension() != ".tsv") paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    std::vector<std::string> corpus;
    for (const auto& path : paths) corpus.push_back(read_file(path));
    return corpus;
}

}  // namespace muster::sip
