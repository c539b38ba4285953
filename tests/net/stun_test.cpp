// STUN Binding beside SIP: RFC 8489, with the vectors of RFC 5769.

#include "muster/net/stun.hpp"

#include <gtest/gtest.h>

namespace muster::net {
namespace {

std::string bytes(std::string_view hex) {
    std::string out;
    int high = -1;
    for (const char c : hex) {
        if (c == ' ') continue;
        const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
        if (high < 0) {
            high = digit;
        } else {
            out += static_cast<char>(high << 4 | digit);
            high = -1;
        }
    }
    return out;
}

const std::string transaction = "2112a442 b7e7a701bc34d686fa87dfae";
/// RFC 5769 s2.1; its FINGERPRINT covers all before it.
const std::string sample = "00010058" + transaction +
                           "80220010 5354554e 20746573 7420636c 69656e74"  // SOFTWARE
                           "00240004 6e0001ff"                             // PRIORITY
                           "80290008 932ff9b1 51263b36"                    // ICE-CONTROLLED
                           "00060009 6576746a 3a683676 59202020"           // USERNAME
                           "00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2"
                           "80280004 e57a3bcf";

const auto v4 = base::Address::parse("192.0.2.1:32853").value();
const auto v6 = base::Address::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853").value();

struct Said {
    Stun kind;
    std::string answer;
};
Said said(const std::string& request, const base::Address& from = v4) {
    std::string answer;
    const auto kind = answer_stun(request, from, answer);
    return {kind, answer};
}

TEST(Stun, TheAddressAsRfc5769HasIt) {
    const auto four = said(bytes("00010000" + transaction));
    EXPECT_EQ(four.kind, Stun::request);
    EXPECT_EQ(four.answer, bytes("0101000c" + transaction + "00200008 0001a147 e112a643"));
    const auto six = said(bytes("00010000" + transaction), v6);
    EXPECT_EQ(six.answer, bytes("01010018" + transaction + "00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9"));
}

/// PRIORITY must be understood, and is of ICE; the answer has a fingerprint as the request has.
TEST(Stun, TheSampleRequestOfRfc5769) {
    const auto sent = bytes(sample);
    const auto heard = said(sent);
    EXPECT_EQ(heard.kind, Stun::request);
    const auto expected = bytes("0111002c" + transaction +
                                "00090015 00000414 556e6b6e 6f776e20 41747472 69627574 65202020"
                                "000a0002 00240000");
    EXPECT_EQ(heard.answer.substr(0, expected.size()), expected);
    EXPECT_EQ(heard.answer.size(), expected.size() + 8);
    EXPECT_EQ(heard.answer.substr(expected.size(), 4), bytes("80280004"));
}

TEST(Stun, AFingerprintIsAnsweredWithOne) {
    // Binding request with nothing but a fingerprint; the CRC is of the 20 bytes before it.
    std::string request = bytes("00010008" + transaction + "80280004 00000000");
    const auto wrong = said(request);
    EXPECT_EQ(wrong.kind, Stun::none);
    EXPECT_EQ(wrong.answer, "");
    std::uint32_t crc = 0xffff'ffff;  // bit by bit, without a table
    for (const char c : request.substr(0, 20)) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb8'8320 : crc >> 1;
    }
    crc = ~crc ^ 0x5354'554e;
    for (int i = 0; i < 4; ++i) request[static_cast<std::size_t>(24 + i)] = static_cast<char>(crc >> (24 - 8 * i));
    const auto right = said(request);
    EXPECT_EQ(right.kind, Stun::request);
    EXPECT_EQ(right.answer.substr(0, 32), bytes("01010014" + transaction + "00200008 0001a147 e112a643"));
    EXPECT_EQ(right.answer.size(), 40u);
    // Nothing may stand behind it.
    request += bytes("80220000");
    request[3] = 0x0c;
    EXPECT_EQ(said(request).kind, Stun::none);
}

TEST(Stun, AnyByteOfTheSampleChangedIsSilence) {
    const auto sent = bytes(sample);
    const auto type = sent.size() - 8;  // of the fingerprint, which may be another attribute that means nothing
    for (std::size_t i = 0; i < sent.size(); ++i) {
        if (i == type || i == type + 1) continue;
        auto changed = sent;
        changed[i] = static_cast<char>(changed[i] ^ 0x01);
        EXPECT_EQ(said(changed).kind, Stun::none) << i;
    }
}

TEST(Stun, SilenceToWhatIsNoRequest) {
    const std::string cases[] = {
        "",
        "00",
        "00010000 2112a442 b7e7a701bc34d686fa87df",    // too short
        "00010000 2112a443 b7e7a701bc34d686fa87dfae",  // another cookie: RFC 3489
        "00010004 2112a442 b7e7a701bc34d686fa87dfae",  // longer than it is
        "00010000 2112a442 b7e7a701bc34d686fa87dfae 00000000",
        "00010004 2112a442 b7e7a701bc34d686fa87dfae 80220004",  // an attribute longer than the rest
        "00010008 2112a442 b7e7a701bc34d686fa87dfae 8022ffff 00000000",
        "01010000 2112a442 b7e7a701bc34d686fa87dfae",  // answers
        "01110000 2112a442 b7e7a701bc34d686fa87dfae",
        "00030000 2112a442 b7e7a701bc34d686fa87dfae",  // Allocate of TURN
        "40010000 2112a442 b7e7a701bc34d686fa87dfae",
    };
    for (const auto& one : cases) {
        const auto heard = said(bytes(one));
        EXPECT_EQ(heard.kind, Stun::none) << one;
        EXPECT_EQ(heard.answer, "") << one;
    }
}

TEST(Stun, AnIndicationIsHeard) {
    const auto heard = said(bytes("00110000" + transaction));
    EXPECT_EQ(heard.kind, Stun::indication);
    EXPECT_EQ(heard.answer, "");
}

/// Credentials and what may be ignored are no reason to refuse; an unknown attribute is named once.
TEST(Stun, WhatMustBeUnderstood) {
    const auto known = said(bytes("00010010" + transaction + "00060004 61626364 80220001 61000000"));
    EXPECT_EQ(known.answer.substr(0, 2), bytes("0101"));
    const auto twice = said(bytes("00010010" + transaction + "00030004 00000006 00030000 7fff0000"));
    EXPECT_EQ(twice.answer.substr(0, 2), bytes("0111"));
    EXPECT_EQ(twice.answer.substr(twice.answer.size() - 8), bytes("000a0004 00037fff"));
}

TEST(Stun, NeverMoreThanThreeTimesTheRequest) {
    for (int count = 0; count < 300; ++count) {
        std::string request = bytes("0001 0000" + transaction);
        for (int i = 0; i < count; ++i) {
            request += static_cast<char>(0x40 + i / 256);
            request += static_cast<char>(i % 256);
            request += std::string(2, '\0');
        }
        request[2] = static_cast<char>((request.size() - 20) >> 8);
        request[3] = static_cast<char>(request.size() - 20);
        const auto heard = said(request, v6);
        EXPECT_EQ(heard.kind, Stun::request);
        EXPECT_LE(heard.answer.size(), 3 * request.size()) << count;
        EXPECT_EQ(heard.answer.size() % 4, 0u);
    }
}

TEST(Stun, SipIsNoStun) {
    EXPECT_FALSE(may_be_stun("REGISTER sip:example.com SIP/2.0\r\n"));
    EXPECT_FALSE(may_be_stun("\r\n\r\n"));
    EXPECT_FALSE(may_be_stun(""));
    EXPECT_FALSE(may_be_stun("\x16\x03\x01"));  // a TLS handshake
    EXPECT_TRUE(may_be_stun(std::string_view("\0\1", 2)));
}

}  // namespace
}  // namespace muster::net
