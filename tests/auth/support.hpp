#pragma once
// A served domain with one account, and requests to it made from text.

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "muster/auth/digest.hpp"
#include "muster/sip/parse.hpp"

namespace muster::auth {

/// Repeatable bytes: splitmix64.
class SeededRandom : public base::Random {
public:
    explicit SeededRandom(std::uint64_t seed = 1) : state_(seed) {}
    void fill(std::span<std::uint8_t> out) override {
        for (auto& byte : out) {
            state_ += 0x9e3779b97f4a7c15U;
            auto mixed = (state_ ^ state_ >> 30) * 0xbf58476d1ce4e5b9U;
            byte = static_cast<std::uint8_t>((mixed ^ mixed >> 27) >> 24);
        }
    }

private:
    std::uint64_t state_;
};

inline base::Now at(std::int64_t milliseconds) {
    return {.mono = base::Mono(base::Milliseconds(milliseconds)), .wall = base::Wall(base::Milliseconds(milliseconds))};
}

/// What a phone puts into its Authorization; every part can be made wrong.
struct Login {
    std::string username = "alice";
    std::string password = "alice-secret";
    std::string realm = "example.com";
    Algorithm algorithm = Algorithm::md5;
    std::string nonce{};
    std::string nc = "00000001";
    std::string cnonce = "0a4f113b";
    std::string qop = "auth";
    std::string uri = "sip:example.com";
    std::string method = "REGISTER";

    std::string response() const {
        const auto ha1 = ha1_hex(algorithm, username, realm, password);
        return response_hex({.algorithm = algorithm,
                             .ha1 = ha1,
                             .nonce = nonce,
                             .nc = nc,
                             .cnonce = cnonce,
                             .qop = qop,
                             .method = method,
                             .uri = uri});
    }
    /// The value of the header field, with another `response` if one is given.
    std::string field(std::string_view given = {}) const {
        std::string out = "Digest username=\"" + username + "\", realm=\"" + realm + "\", nonce=\"" + nonce +
                          "\", uri=\"" + uri + "\", response=\"" + (given.empty() ? response() : std::string(given)) +
                          "\", algorithm=" + std::string(name_of(algorithm));
        if (!qop.empty()) out += ", qop=" + qop + ", nc=" + nc + ", cnonce=\"" + cnonce + "\"";
        return out;
    }
};

class DigestTest : public testing::Test {
protected:
    DigestTest() {
        served.add("example.com", "example.com");
        served.add("example.org", "example.org");
        served.add("sip.example.com", "example.com");
        served.add_listen("192.0.2.1", 5060);
        settings.realm = "example.com";
        settings.algorithms = {Algorithm::sha256, Algorithm::md5};
        accounts.publish(make_account("sip:alice@example.com", "alice", "example.com", "alice-secret"), 1);
        auto bob = make_account("sip:bob@example.com", "bob", "example.com", "bob-secret");
        bob.enabled = false;
        accounts.publish(std::move(bob), 2);
    }

    std::string fresh_nonce(base::Now when) {
        std::string nonce;
        keys.append(nonce, settings.realm, random, when.mono);
        return nonce;
    }
    Login login() { return {.nonce = fresh_nonce(now)}; }

    /// A REGISTER with these fields, each a line of its own.
    Verdict judge(std::initializer_list<std::string> authorizations, std::string_view contact = "<sip:a@192.0.2.9>") {
        text = "REGISTER " + asked +
               " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
               "From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: c1\r\n"
               "CSeq: 1 REGISTER\r\nContact: ";
        text.append(contact).append("\r\n");
        for (const auto& field : authorizations) text += "Authorization: " + field + "\r\n";
        text += "Content-Length: 0\r\n\r\n";
        auto parsed = sip::parse(text, message);
        EXPECT_TRUE(parsed) << parsed.reason;
        return verify(find_claim(message, sip::Header::authorization, settings), message, settings, served, accounts,
                      keys, used, now);
    }
    Outcome outcome(const Login& with) { return judge({with.field()}).outcome; }

    SeededRandom random;
    DigestSettings settings;
    sip::ServedDomains served;
    Accounts accounts{7};
    NonceKeys keys{random};
    NonceTable used{1024, 7};
    base::Now now = at(1'000'000);
    std::string asked = "sip:example.com";  ///< Request-URI
    std::string text;
    sip::Message message;
};

}  // namespace muster::auth
