// TLS: handshakes, certificates and their change, and what is refused.
#include "tls.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "certificates.hpp"
#include "channel.hpp"
#include "client.hpp"
#include "host.hpp"

namespace muster::net {
namespace {

using base::Milliseconds;
using base::TlsFault;

constexpr auto tcp = base::Transport::tcp;

bool is_ok(const std::string& answer) { return answer.rfind("SIP/2.0 200 ", 0) == 0; }
std::string options(int number, const std::string& more = "") { return request("OPTIONS", number, "TLS", more); }

class Tls : public testing::Test {
protected:
    Host::Wish wish() {
        Host::Wish wish;
        wish.tls = {"127.0.0.1:0"};
        wish.files.certificates = {authority.issue("a", "DNS:a.example,DNS:*.wild.example,IP:127.0.0.1")};
        return wish;
    }

    Authority authority;
};

bool is_served(Host& host, const TlsWish& wish = {}) {
    Client phone(tcp, host.at());
    if (!phone.secure(wish)) return false;
    phone.send(options(1));
    return is_ok(phone.read_answer());
}

TEST_F(Tls, AnswersOverTheSameConnection) {
    Host host(wish());
    Client phone(tcp, host.at());
    ASSERT_TRUE(phone.secure({.ask_for = "a.example", .trust = authority.ca()})) << phone.why();
    EXPECT_EQ(phone.peer_name(), "a.example");
    for (int i = 0; i < 3; ++i) {
        phone.send(options(i));
        EXPECT_TRUE(is_ok(phone.read_answer()));
    }
    const auto counters = host.workers().net_counters();
    EXPECT_EQ(counters.handshakes, 1u);
    EXPECT_EQ(counters.tls_connections, 1u);
    phone.finish_writing();  // without a close_notify: messages say themselves where they end
    EXPECT_EQ(phone.read_all(), "");
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().tls_connections == 0; }));
    EXPECT_TRUE(host.closed().empty());
}

TEST_F(Tls, MessagesOfManyRecordsAndManyMessagesPass) {
    Host host(wish());
    Client phone(tcp, host.at());
    ASSERT_TRUE(phone.secure());
    const std::string more = "X-Large: " + std::string(50'000, 'x') + "\r\n";
    constexpr int count = 20;  // more than one turn reads, more than one turn delivers
    std::string all;
    for (int i = 0; i < count; ++i) all += options(i, i % 5 == 0 ? more : "");
    for (int i = count; i < 300; ++i) all += options(i);
    phone.send(all);
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(is_ok(phone.read_answer())) << i;
}

TEST_F(Tls, AHandshakeMayComeByteByByte) {
    Host host(wish());
    Server between;
    Client phone(tcp, between.address());
    auto inner = between.accept();
    ASSERT_TRUE(inner);
    Client outer(tcp, host.at());
    // The handshake of `phone`, carried over to the host one byte at a time.
    std::atomic<bool> done = false;
    std::thread carrier([&] {
        while (!done) {
            const auto to = inner->receive(20);
            for (char byte : to) outer.send(std::string_view(&byte, 1));
            const auto back = outer.receive(20);
            if (!back.empty()) inner->send(back);
        }
    });
    EXPECT_TRUE(phone.secure()) << phone.why();
    phone.send(options(1));
    EXPECT_TRUE(is_ok(phone.read_answer()));
    done = true;
    carrier.join();
}

TEST_F(Tls, TheNameAskedForChoosesTheCertificate) {
    auto wish = this->wish();
    wish.files.certificates.push_back(authority.issue("b", "DNS:b.example"));
    wish.files.certificates.push_back(authority.issue("c", "DNS:c.example,DNS:*.deep.example"));
    Host host(wish);
    const std::pair<const char*, const char*> cases[] = {
        {"a.example", "a.example"},        {"b.example", "b.example"},
        {"B.Example", "b.example"},        {"x.deep.example", "c.example"},
        {"x.y.deep.example", "a.example"}, {"deep.example", "a.example"},
        {"unknown.example", "a.example"},  {"", "a.example"},
        {"x.wild.example", "a.example"}};
    for (auto [name, shown] : cases) {
        Client phone(tcp, host.at());
        ASSERT_TRUE(phone.secure({.ask_for = name, .trust = authority.ca()})) << name << ' ' << phone.why();
        EXPECT_EQ(phone.peer_name(), shown) << name;
    }
}

TEST_F(Tls, OnlyVersions12And13) {
    Host host(wish());
    for (int version : {TLS1_VERSION, TLS1_1_VERSION}) {
        Client phone(tcp, host.at());
        EXPECT_FALSE(phone.secure({.least = version, .most = version, .ciphers = "ALL:@SECLEVEL=0"}));
    }
    ASSERT_TRUE(soon([&] { return host.workers().net_counters().handshakes_failed == 2; }));
    EXPECT_EQ(host.closed(), std::vector<std::string>(2, "TLS handshake: unsupported protocol"));
    EXPECT_TRUE(is_served(host, {.least = TLS1_2_VERSION, .most = TLS1_2_VERSION}));
    EXPECT_TRUE(is_served(host, {.least = TLS1_3_VERSION, .most = TLS1_3_VERSION}));
}

TEST_F(Tls, WithoutForwardSecrecyThereIsNoHandshake) {
    Host host(wish());
    for (auto ciphers : {"RSA+AES", "aNULL:@SECLEVEL=0", "3DES:RC4:@SECLEVEL=0"}) {
        Client phone(tcp, host.at());
        EXPECT_FALSE(phone.secure({.most = TLS1_2_VERSION, .ciphers = ciphers})) << ciphers;
    }
}

TEST_F(Tls, RenegotiationEndsTheConnection) {
    Host host(wish());
    Client honest(tcp, host.at());
    ASSERT_TRUE(honest.secure());
    Client phone(tcp, host.at());
    ASSERT_TRUE(phone.secure({.most = TLS1_2_VERSION}));
    phone.send(options(1));
    EXPECT_TRUE(is_ok(phone.read_answer()));
    SSL_renegotiate(phone.tls());
    SSL_do_handshake(phone.tls());
    ASSERT_TRUE(soon([&] { return host.workers().net_counters().connections == 1; }));
    EXPECT_EQ(host.closed(), std::vector<std::string>{"TLS: renegotiation"});
    honest.send(options(2));
    EXPECT_TRUE(is_ok(honest.read_answer()));
}

/// What TLS writes while `make` runs, in one piece and not sent.
template <class Make>
std::string written(SSL* session, Make make) {
    auto* socket = SSL_get_wbio(session);
    auto* memory = BIO_new(BIO_s_mem());
    BIO_up_ref(socket);
    SSL_set0_wbio(session, memory);
    make();
    std::string bytes(BIO_ctrl_pending(memory), '\0');
    BIO_read(memory, bytes.data(), static_cast<int>(bytes.size()));
    SSL_set0_wbio(session, socket);
    return bytes;
}

std::string key_updates(SSL* session, int count) {
    return written(session, [&] {
        for (int i = 0; i < count; ++i)
            if (SSL_key_update(session, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(session) != 1)
                throw std::runtime_error("key update");
    });
}

/// As much as the other side takes before it closes.
void send_raw(Client& phone, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = phone.try_send(bytes);
        if (sent < 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

TEST_F(Tls, ManyKeyUpdatesEndTheConnection) {
    Host host(wish());
    Client honest(tcp, host.at());
    ASSERT_TRUE(honest.secure());
    Client phone(tcp, host.at());
    ASSERT_TRUE(phone.secure({.least = TLS1_3_VERSION}));
    send_raw(phone, key_updates(phone.tls(), 60));
    phone.send(options(1));
    EXPECT_TRUE(is_ok(phone.read_answer()));
    send_raw(phone, key_updates(phone.tls(), 20'000));
    honest.send(options(2));
    EXPECT_TRUE(is_ok(honest.read_answer()));
    ASSERT_TRUE(soon([&] { return host.workers().net_counters().connections == 1; }));
    EXPECT_EQ(host.closed(), std::vector<std::string>{"TLS: too many key updates"});
    honest.send(options(3));
    EXPECT_TRUE(is_ok(honest.read_answer()));
}

TEST_F(Tls, ATurnTakesSoMuchFromTheSocketAndNoMore) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    Channel channel;
    channel.open(ends[0]);
    ASSERT_TRUE(channel.secure(load_tls(wish().files).server));
    const auto context = make_tls_context(TLS_client_method());
    const TlsSessionPtr phone(SSL_new(context.get()));
    SSL_set_fd(phone.get(), ends[1]);
    for (int i = 0; i < 5 && channel.is_shaking_hands(); ++i) {
        SSL_connect(phone.get());
        channel.shake_hands();
    }
    ASSERT_FALSE(channel.is_shaking_hands());
    constexpr int count = 4'000;  // records of 23 bytes
    const auto records = written(phone.get(), [&] {
        for (int i = 0; i < count; ++i) SSL_write(phone.get(), "x", 1);
    });
    ASSERT_EQ(::send(ends[1], records.data(), records.size(), 0), static_cast<ssize_t>(records.size()));
    std::array<char, 65'536> bytes;
    const auto first = channel.read(bytes.data(), bytes.size());
    EXPECT_LT(first, count);
    EXPECT_GT(first, count / 2);
    EXPECT_TRUE(channel.has_unread());
    EXPECT_EQ(channel.read(bytes.data(), bytes.size()), count - first);
    EXPECT_EQ(channel.read(bytes.data(), bytes.size()), -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_FALSE(channel.has_unread());
    for (int end : ends) ::close(end);
}

TEST_F(Tls, AnAnswerToOneWhoSaidGoodbyeAndIsGoneEndsTheConnection) {
    Host host(wish());
    auto phone = std::make_unique<Client>(tcp, host.at(), trusted_source);
    ASSERT_TRUE(phone->secure());
    // In one piece: who has read the request has read the goodbye.
    send_raw(*phone, written(phone->tls(), [&] {
        phone->send(request("REGISTER", 1, "TLS"));
        SSL_shutdown(phone->tls());
    }));
    auto jobs = host.take_jobs(1);
    ASSERT_EQ(jobs.size(), 1u);
    const linger reset{1, 0};
    ::setsockopt(SSL_get_fd(phone->tls()), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    phone.reset();
    host.refuse(std::move(jobs));
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
}

TEST_F(Tls, WhatIsNoTlsIsClosedWithAReason) {
    Host host(wish());
    Client phone(tcp, host.at());
    phone.send(options(1));
    phone.read_all();
    ASSERT_TRUE(soon([&] { return host.closed().size() == 1; }));
    EXPECT_EQ(host.closed()[0].rfind("TLS handshake: ", 0), 0u) << host.closed()[0];
    EXPECT_TRUE(is_served(host));
}

TEST_F(Tls, ABadRecordLaterEndsTheConnection) {
    Host host(wish());
    Client phone(tcp, host.at());
    ASSERT_TRUE(phone.secure());
    phone.send(options(1));
    EXPECT_TRUE(is_ok(phone.read_answer()));
    phone.try_send("this is no record of TLS at all");
    phone.read_all();
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
    ASSERT_EQ(host.closed().size(), 1u);
    EXPECT_EQ(host.closed()[0].rfind("TLS: ", 0), 0u) << host.closed()[0];
}

TEST_F(Tls, AnUnfinishedHandshakeIsClosed) {
    auto wish = this->wish();
    wish.streams.first_request = Milliseconds(100);
    Host host(wish);
    Client silent(tcp, host.at());
    Client half(tcp, host.at());
    half.send(std::string_view("\x16\x03\x01\x00\xc8\x01", 6));  // a ClientHello begins
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_EQ(half.read_all(), "");
    Client done(tcp, host.at());
    ASSERT_TRUE(done.secure());  // and says nothing more
    EXPECT_EQ(done.read_all(), "");
    EXPECT_EQ(host.workers().net_counters().timed_out, 3u);
}

TEST_F(Tls, HalfOpenOnesMakeRoomForThoseWhoComeLater) {
    auto wish = this->wish();
    wish.streams.connections = 8;
    Host host(wish);
    Client honest(tcp, host.at());
    ASSERT_TRUE(honest.secure());
    honest.send(options(1));
    EXPECT_TRUE(is_ok(honest.read_answer()));
    std::vector<std::unique_ptr<Client>> half;
    for (int i = 0; i < 30; ++i) {
        half.push_back(std::make_unique<Client>(tcp, host.at(), "127.0.0." + std::to_string(10 + i)));
        half.back()->send(std::string_view("\x16\x03\x01\x00\xc8\x01", 6));
    }
    EXPECT_TRUE(is_served(host));
    honest.send(options(2));
    EXPECT_TRUE(is_ok(honest.read_answer()));
    EXPECT_EQ(half.front()->read_all(), "");
    EXPECT_EQ(host.workers().net_counters().refused_connections, 0u);
    EXPECT_EQ(host.workers().net_counters().displaced, 24u);
}

TEST_F(Tls, OneWhoDoesNotReadIsClosedAndDisturbsNobody) {
    auto wish = this->wish();
    wish.streams.output_backlog = 20'000;
    wish.streams.first_request = Milliseconds(500);
    Host host(wish);
    Client phone(tcp, host.at());
    ASSERT_TRUE(phone.secure());
    try {
        for (int i = 0; i < 200'000; ++i) phone.send(options(i));
    } catch (const std::runtime_error&) {
    }
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
    EXPECT_TRUE(is_served(host));
}

TEST_F(Tls, ANewCertificateServesNewHandshakesAndLivingConnectionsGoOn) {
    auto wish = this->wish();
    Host host(wish);
    Client old(tcp, host.at());
    ASSERT_TRUE(old.secure());
    wish.files.certificates = {authority.issue("a", "DNS:new.example")};
    host.workers().set_tls(0, load_tls(wish.files).server);
    Client fresh(tcp, host.at());
    ASSERT_TRUE(fresh.secure());
    EXPECT_EQ(fresh.peer_name(), "new.example");
    old.send(options(1));
    EXPECT_TRUE(is_ok(old.read_answer()));
}

std::size_t resident() {
    std::ifstream pages("/proc/self/statm");
    std::size_t all = 0, in_memory = 0;
    pages >> all >> in_memory;
    return in_memory * 4'096;
}

TEST_F(Tls, ManyReloadsLeaveMemoryFlat) {
    auto wish = this->wish();
    Host host(wish);
    const auto* times = std::getenv("MUSTER_RELOADS");
    std::size_t before = 0;
    for (int i = 0, count = times ? std::atoi(times) : 400; i < count; ++i) {
        host.workers().set_tls(0, load_tls(wish.files).server);
        if (i % 20 == 0) {
            ASSERT_TRUE(is_served(host));
        }
        if (i == count / 2) before = resident();
    }
    EXPECT_LT(resident(), before + (1 << 20));
}

TEST_F(Tls, AClientShowsItsCertificateWhereItMust) {
    auto wish = this->wish();
    wish.files.client_ca = authority.ca();
    const auto alice = authority.issue("alice", "URI:sip:alice@example.com");
    Authority stranger;
    const auto forged = stranger.issue("alice", "URI:sip:alice@example.com");
    for (auto asks : {base::ClientCertificate::optional, base::ClientCertificate::required}) {
        wish.files.client_certificate = asks;
        Host host(wish);
        EXPECT_TRUE(is_served(host, {.certificate = alice}));
        EXPECT_FALSE(is_served(host, {.certificate = forged, .most = TLS1_2_VERSION}));
        EXPECT_EQ(is_served(host, {.most = TLS1_2_VERSION}), asks == base::ClientCertificate::optional);
    }
}

TEST_F(Tls, WhateverNameIsAskedForClientsShowTheirCertificate) {
    auto wish = this->wish();
    wish.files.certificates.push_back(authority.issue("b", "DNS:b.example"));
    Authority office;
    wish.files.client_ca = office.ca();
    const auto alice = office.issue("alice", "URI:sip:alice@example.com");
    const auto forged = authority.issue("mallory", "URI:sip:alice@example.com");
    for (auto asks : {base::ClientCertificate::optional, base::ClientCertificate::required}) {
        wish.files.client_certificate = asks;
        Host host(wish);
        for (auto name : {"a.example", "b.example"}) {
            for (int version : {TLS1_2_VERSION, TLS1_3_VERSION})
                EXPECT_TRUE(is_served(host, {.ask_for = name, .certificate = alice, .most = version})) << name;
            EXPECT_FALSE(is_served(host, {.ask_for = name, .certificate = forged, .most = TLS1_2_VERSION})) << name;
            EXPECT_EQ(is_served(host, {.ask_for = name, .most = TLS1_2_VERSION}),
                      asks == base::ClientCertificate::optional)
                << name;
        }
        Client phone(tcp, host.at());
        ASSERT_TRUE(phone.secure({.ask_for = "b.example", .certificate = alice}));
        phone.send(request("REGISTER", 1, "TLS"));
        auto jobs = host.take_jobs(1);
        EXPECT_EQ(jobs.size(), 1u) << "the certificate speaks for alice";
        host.refuse(std::move(jobs));
    }
}

TEST_F(Tls, WhoACertificateNamesNeedsNoDigest) {
    auto wish = this->wish();
    wish.files.client_ca = authority.ca();
    wish.files.client_certificate = base::ClientCertificate::optional;
    Host host(wish);
    auto status = [&](const std::string& names) {
        Client phone(tcp, host.at());
        EXPECT_TRUE(phone.secure(names.empty() ? TlsWish{} : TlsWish{.certificate = authority.issue("x", names)}));
        phone.send(request("REGISTER", 1, "TLS"));
        auto jobs = host.take_jobs(1, Milliseconds(names == "URI:sip:alice@example.com" ? 10'000 : 0));
        host.refuse(std::move(jobs));
        return phone.read_answer().substr(0, 11);
    };
    EXPECT_EQ(status("URI:sip:alice@example.com"), "SIP/2.0 503");  // the test's writer has been asked
    EXPECT_EQ(status("URI:sip:bob@example.com"), "SIP/2.0 403");
    EXPECT_EQ(status("DNS:alice.example.com"), "SIP/2.0 401");
    EXPECT_EQ(status("URI:sip:example.com"), "SIP/2.0 401");
    EXPECT_EQ(status(""), "SIP/2.0 401");
}

TEST_F(Tls, WhatIsWrongWithAFileIsSaid) {
    const auto a = authority.issue("a", "DNS:a.example"), b = authority.issue("b", "DNS:b.example");
    authority.write("none.pem", "no certificate\n");
    const auto none = authority.path("none.pem");
    auto first = [](const std::vector<base::CertificateFiles>& certificates) {
        const auto faults = check_tls({certificates});
        return faults.empty() ? TlsFault{} : faults.front();
    };
    EXPECT_TRUE(check_tls({{a, b}}).empty());
    EXPECT_EQ(first({{none, a.key}}).file, TlsFault::File::certificate);
    EXPECT_EQ(first({{none, a.key}}).reason, "cannot be used as a certificate chain: no start line");
    EXPECT_EQ(first({a, {b.certificate, a.key}}).file, TlsFault::File::key);
    EXPECT_EQ(first({a, {b.certificate, a.key}}).index, 1u);
    EXPECT_EQ(first({{a.certificate, none}}).file, TlsFault::File::key);
    EXPECT_FALSE(load_tls({{{a.certificate, b.key}}}).server);
    const auto no_ca = check_tls({{a}, base::ClientCertificate::required, none});
    ASSERT_EQ(no_ca.size(), 1u);
    EXPECT_EQ(no_ca[0].file, TlsFault::File::client_ca);

    const auto old = authority.issue("old", "DNS:old.example,IP:192.0.2.1", -2);
    const auto loaded = load_tls({{old}});
    EXPECT_TRUE(loaded.server) << "it is the operator's to say";
    ASSERT_EQ(loaded.faults.size(), 1u);
    EXPECT_TRUE(loaded.faults[0].is_warning);
    EXPECT_EQ(loaded.certificates[0].names, (std::vector<std::string>{"old.example", "192.0.2.1"}));
    EXPECT_EQ(loaded.certificates[0].days_left, -2);
    EXPECT_EQ(load_tls({{a}}).certificates[0].days_left, 2);
}

}  // namespace
}  // namespace muster::net
