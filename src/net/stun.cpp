#include "muster/net/stun.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace muster::net {
namespace {

constexpr std::size_t header_size = 20;
constexpr std::uint32_t magic_cookie = 0x2112'a442;
constexpr std::uint32_t fingerprint_mask = 0x5354'554e;
constexpr std::size_t fingerprint_size = 8;

// RFC 8489 s5: the class in bits 4 and 8, the method in the others.
constexpr std::uint16_t binding_request = 0x0001, binding_indication = 0x0011, binding_success = 0x0101,
                        binding_error = 0x0111;

// RFC 8489 s18.3.
constexpr std::uint16_t error_code = 0x0009, unknown_attributes = 0x000a, xor_mapped_address = 0x0020,
                        fingerprint = 0x8028;
/// Attributes below 0x8000 that the RFC knows. What of them belongs to credentials or to answers is not looked at.
constexpr std::array<std::uint16_t, 11> known = {0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014,
                                                 0x0015, 0x001c, 0x001d, 0x001e, 0x0020};

std::uint16_t read16(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                      static_cast<unsigned char>(bytes[at + 1]));
}
std::uint32_t read32(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint32_t>(read16(bytes, at)) << 16 | read16(bytes, at + 2);
}
void put16(std::string& out, unsigned value) {
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value);
}
void put32(std::string& out, std::uint32_t value) {
    put16(out, value >> 16);
    put16(out, value & 0xffff);
}

/// The CRC of ITU V.42, as RFC 8489 s14.7 has it.
std::uint32_t crc32(std::string_view bytes) {
    static constexpr auto table = [] {
        std::array<std::uint32_t, 256> all{};
        for (std::uint32_t i = 0; i < all.size(); ++i) {
            auto value = i;
            for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? 0xedb8'8320 ^ value >> 1 : value >> 1;
            all[i] = value;
        }
        return all;
    }();
    std::uint32_t crc = 0xffff'ffff;
    for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ crc >> 8;
    return ~crc;
}

struct Attributes {
    bool is_whole = false;  ///< each ends where it says, and the fingerprint is right
    bool has_fingerprint = false;
    std::vector<std::uint16_t> unknown{};
};

Attributes read_attributes(std::string_view datagram) {
    Attributes all;
    std::size_t at = header_size;
    while (at < datagram.size()) {
        if (all.has_fingerprint || datagram.size() - at < 4) return {};  // a fingerprint is the last one
        const auto type = read16(datagram, at);
        const std::size_t length = read16(datagram, at + 2);
        const std::size_t padded = (length + 3) / 4 * 4;
        if (datagram.size() - at - 4 < padded) return {};
        if (type == fingerprint) {
            if (length != 4 || read32(datagram, at + 4) != (crc32(datagram.substr(0, at)) ^ fingerprint_mask))
                return {};
            all.has_fingerprint = true;
        } else if (type < 0x8000 && std::ranges::find(known, type) == known.end() &&
                   std::ranges::find(all.unknown, type) == all.unknown.end()) {
            all.unknown.push_back(type);
        }
        at += 4 + padded;
    }
    all.is_whole = true;
    return all;
}

/// RFC 8489 s14.2: not as it is, for some NATs change addresses wherever they find them.
void append_xor_mapped_address(std::string& out, const base::Address& source, std::string_view masks) {
    const auto ip = source.is_v4() ? std::string_view(reinterpret_cast<const char*>(source.ip.data()) + 12, 4)
                                   : std::string_view(reinterpret_cast<const char*>(source.ip.data()), 16);
    put16(out, xor_mapped_address);
    put16(out, static_cast<unsigned>(4 + ip.size()));
    put16(out, source.is_v4() ? 0x01 : 0x02);
    put16(out, source.port ^ magic_cookie >> 16);
    for (std::size_t i = 0; i < ip.size(); ++i) out += static_cast<char>(ip[i] ^ masks[i]);
}

void append_error_420(std::string& out, const std::vector<std::uint16_t>& unknown) {
    constexpr std::string_view reason = "Unknown Attribute   ";  // blanks are its padding
    put16(out, error_code);
    put16(out, static_cast<unsigned>(4 + reason.find("  ")));
    put16(out, 0);
    put16(out, 4 << 8 | 20);
    out += reason;
    put16(out, unknown_attributes);
    put16(out, static_cast<unsigned>(2 * unknown.size()));
    for (const auto type : unknown) put16(out, type);
    if (unknown.size() % 2 != 0) put16(out, 0);
}

}  // namespace

Stun answer_stun(std::string_view datagram, const base::Address& source, std::string& out) {
    if (!may_be_stun(datagram) || datagram.size() < header_size || datagram.size() % 4 != 0) return Stun::none;
    if (read16(datagram, 2) != datagram.size() - header_size || read32(datagram, 4) != magic_cookie) return Stun::none;
    const auto type = read16(datagram, 0);
    if (type != binding_request && type != binding_indication) return Stun::none;
    const auto attributes = read_attributes(datagram);
    if (!attributes.is_whole) return Stun::none;
    if (type == binding_indication) return Stun::indication;

    const auto begin = out.size();
    put16(out, attributes.unknown.empty() ? binding_success : binding_error);
    put16(out, 0);
    out += datagram.substr(4, 16);  // the cookie and the transaction
    if (attributes.unknown.empty())
        append_xor_mapped_address(out, source, datagram.substr(4, 16));
    else
        append_error_420(out, attributes.unknown);
    auto length = out.size() - begin - header_size;
    if (attributes.has_fingerprint) length += fingerprint_size;  // it counts in what it is made of
    out[begin + 2] = static_cast<char>(length >> 8);
    out[begin + 3] = static_cast<char>(length);
    if (!attributes.has_fingerprint) return Stun::request;
    const auto crc = crc32(std::string_view(out).substr(begin)) ^ fingerprint_mask;
    put16(out, fingerprint);
    put16(out, 4);
    put32(out, crc);
    return Stun::request;
}

}  // namespace muster::net
