// A stream fed whole and in pieces gives the same frames. The first byte seeds the sizes of the pieces.

#include <algorithm>
#include <string>

#include "input.hpp"
#include "muster/sip/framer.hpp"

using namespace muster;

namespace {

std::string frames(std::string_view stream, unsigned seed) {
    sip::Framer framer;
    std::string told;
    while (!stream.empty()) {
        seed = seed * 1'103'515'245 + 12'345;
        auto size = seed == 0 ? stream.size() : std::min<std::size_t>(stream.size(), 1 + (seed >> 16) % 64);
        framer.feed(stream.substr(0, size));
        stream.remove_prefix(size);
        for (auto frame = framer.next(); frame.kind != sip::Framer::Kind::need_more; frame = framer.next()) {
            told += static_cast<char>('0' + static_cast<int>(frame.kind));
            told.append(frame.reason).append("|");
            if (frame.kind == sip::Framer::Kind::message) told.append(frame.bytes).append("|");
        }
    }
    return told;
}

}  // namespace

void fuzz(std::string_view input) {
    if (input.empty()) return;
    sip::Framer framer;
    auto stream = input.substr(1);
    require(frames(stream, static_cast<unsigned char>(input[0])) ==
            frames(stream, static_cast<unsigned char>(~input[0])));
}
