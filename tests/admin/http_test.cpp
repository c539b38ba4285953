// TCP: who may ask what, and that the same server answers there, with TLS too.

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <set>

#include "../../src/admin/gate.hpp"
#include "fixture.hpp"

namespace muster::admin {
namespace {

constexpr auto token = "0123456789abcdef0123456789abcdef";

Gate gate_at(const char* address, std::vector<std::string> hosts = {}) {
    return Gate({.address = base::Address::parse(address).value(), .token = token, .hosts = std::move(hosts)});
}

/// 200 or the status of the refusal.
int asked(const Gate& gate, const Head& head) {
    auto refusal = refuse(gate, head);
    return refusal ? refusal->status : 200;
}

const std::string bearer = "Bearer " + std::string(token);

TEST(Gate, OnLoopbackPagesAreOpenAndAllElseNeedsTheToken) {
    auto gate = gate_at("127.0.0.1:9460");
    for (auto target : {"/", "/metrics", "/metrics?x=1", "/ui", "/ui/a.js", "/v1/health/live", "/v1/health/ready"})
        EXPECT_EQ(asked(gate, {"GET", target, "localhost:9460", "", ""}), 200) << target;
    for (auto target : {"/v1/status", "/v1/bindings", "/uix", "/metricsx", "/v1/health", "//metrics"}) {
        EXPECT_EQ(asked(gate, {"GET", target, "localhost:9460", "", ""}), 401) << target;
        EXPECT_EQ(asked(gate, {"GET", target, "localhost:9460", "", bearer}), 200) << target;
    }
    EXPECT_EQ(asked(gate, {"POST", "/metrics", "localhost", "", ""}), 401) << "reads alone are open";
    EXPECT_EQ(asked(gate, {"POST", "/v1/config/reload", "localhost", "", "bearer  " + std::string(token)}), 200);
}

TEST(Gate, ElsewhereHealthAloneIsOpen) {
    auto gate = gate_at("192.0.2.1:9460");
    EXPECT_EQ(asked(gate, {"GET", "/v1/health/live", "192.0.2.1:9460", "", ""}), 200);
    for (auto target : {"/", "/metrics", "/ui/a.js", "/v1/status"}) {
        EXPECT_EQ(asked(gate, {"GET", target, "192.0.2.1:9460", "", ""}), 401) << target;
        EXPECT_EQ(asked(gate, {"GET", target, "192.0.2.1:9460", "", bearer}), 200) << target;
    }
}

TEST(Gate, NoOtherTokenOpens) {
    auto gate = gate_at("127.0.0.1:9460");
    for (const auto& said : {std::string("Bearer"), std::string("Bearer "), bearer + "x", bearer.substr(0, 20),
                             std::string("Basic ") + token, std::string(token)})
        EXPECT_EQ(asked(gate, {"GET", "/v1/status", "localhost", "", said}), 401) << said;
    gate.token.clear();
    for (auto said : {"Bearer ", "Bearer", ""})
        EXPECT_EQ(asked(gate, {"GET", "/v1/status", "localhost", "", said}), 401)
            << "without a token there is no way in";
}

TEST(Gate, APageWhoseNameResolvesToUsIsNotAnswered) {
    auto gate = gate_at("127.0.0.1:9460", {"Muster.example.com"});
    for (auto host : {"127.0.0.1", "127.0.0.1:9460", "LOCALHOST:1", "muster.EXAMPLE.com:9460"})
        EXPECT_EQ(asked(gate, {"GET", "/metrics", host, "", ""}), 200) << host;
    for (auto host : {"", "evil.example:9460", "localhost.evil.example", "192.0.2.7", "[::1]:9460", "127.0.0.1.evil"})
        EXPECT_EQ(asked(gate, {"GET", "/metrics", host, "", bearer}), 421) << host;
    auto v6 = gate_at("[::]:9460");
    for (auto host : {"[::1]:9460", "[2001:db8::1]", "192.0.2.7:9460"})
        EXPECT_EQ(asked(v6, {"GET", "/v1/health/live", host, "", ""}), 200) << "an address cannot be rebound: " << host;
    EXPECT_EQ(asked(v6, {"GET", "/v1/health/live", "evil.example", "", ""}), 421);
}

TEST(Gate, APageFromElsewhereMayChangeNothing) {
    auto gate = gate_at("127.0.0.1:9460");
    auto post = [&](const char* origin) {
        return asked(gate, {"POST", "/v1/config/reload", "127.0.0.1:9460", origin, bearer});
    };
    EXPECT_EQ(post(""), 200) << "no browser";
    EXPECT_EQ(post("http://127.0.0.1:9460"), 200);
    for (auto origin : {"http://evil.example", "http://127.0.0.1:8080", "https://127.0.0.1:9460", "null"})
        EXPECT_EQ(post(origin), 403) << origin;
    EXPECT_EQ(asked(gate, {"GET", "/metrics", "127.0.0.1:9460", "http://evil.example", ""}), 200);
}

class AdminHttp : public AdminServer {
protected:
    HttpOptions options_{.address = *base::Address::parse("127.0.0.1:0"), .token = token};

    std::unique_ptr<Server> serve() {
        return std::make_unique<Server>(ServerOptions{.socket = socket_, .http = options_},
                                        [this](const Request& request, const Answer& answer) {
                                            peers_.insert(request.peer + (request.peer_uid == ::getuid() ? "!" : ""));
                                            answer({.body = "\"here\""});
                                        });
    }
    Reply get(const Target& target, unsigned timeout = 20) const {
        Request request;
        request.command = &command("status", "");
        return call(target, request, timeout);
    }
    static std::string title(const Reply& reply) {
        for (auto known : {"Unauthorized", "daemon not reachable", "bad URL", "cannot read certificates", "here"})
            if (reply.body.find(known) != reply.body.npos) return known;
        return reply.body;
    }
    /// A certificate for 127.0.0.1, signed by itself.
    void make_certificate() {
        const auto all =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 7 "
            "-subj /CN=muster -addext subjectAltName=IP:127.0.0.1 -keyout '" +
            folder_ + "/key' -out '" + folder_ + "/pem' 2>/dev/null";
        ASSERT_EQ(std::system(all.c_str()), 0);
        options_.tls = {folder_ + "/pem", folder_ + "/key"};
    }

    std::set<std::string> peers_;
};

TEST_F(AdminHttp, AnswersOverTcpWithTheToken) {
    auto server = serve();
    const auto url = "http://" + server->http_address().text();
    EXPECT_EQ(title(get({.url = url, .token = token})), "here");
    EXPECT_EQ(title(get({.url = url + '/', .token = token})), "here");
    const auto refused = get({.url = url});
    EXPECT_EQ(title(refused), "Unauthorized");
    EXPECT_EQ(refused.code, Code::usage);
    EXPECT_EQ(title(get({.socket = socket_})), "here") << "the Unix socket asks for none";
    ASSERT_EQ(peers_.size(), 3u);
    EXPECT_TRUE(peers_.contains("uid " + std::to_string(::getuid()) + '!'));
    EXPECT_TRUE(peers_.begin()->starts_with("127.0.0.1:")) << *peers_.begin();
}

TEST_F(AdminHttp, ATokenMayChange) {
    auto server = serve();
    const auto url = "http://" + server->http_address().text();
    options_.token = "another token of many letters";
    server->renew(options_);
    EXPECT_EQ(title(get({.url = url, .token = token})), "Unauthorized");
    EXPECT_EQ(title(get({.url = url, .token = options_.token})), "here");
}

TEST_F(AdminHttp, SpeaksTlsToThoseWhoTrustItsCertificate) {
    make_certificate();
    auto server = serve();
    const auto url = "https://" + server->http_address().text();
    EXPECT_EQ(title(get({.url = url, .token = token, .ca = folder_ + "/pem"})), "here");
    EXPECT_EQ(title(get({.url = url, .ca = folder_ + "/pem"})), "Unauthorized");
    EXPECT_EQ(get({.url = url, .token = token}).code, Code::unreachable) << "nobody the system trusts signed it";
    EXPECT_EQ(get({.url = "http" + url.substr(5), .token = token}).code, Code::unreachable) << "no TLS, no answer";
    const auto renamed = "https://localhost:" + std::to_string(server->http_address().port);
    EXPECT_EQ(get({.url = renamed, .token = token, .ca = folder_ + "/pem"}).code, Code::unreachable) << "not its name";
    EXPECT_EQ(title(get({.url = url, .ca = folder_ + "/none"})), "cannot read certificates");
}

TEST_F(AdminHttp, AWrongUrlIsSaid) {
    for (auto url :
         {"ftp://x", "http://", "localhost:9460", "http://x:99999", "http://x/y", "http://[::1", "http://a@b"})
        EXPECT_EQ(title(get({.url = url})), "bad URL") << url;
    EXPECT_EQ(title(get({.url = "http://127.0.0.1:1"})), "daemon not reachable");
}

TEST_F(AdminHttp, AnAddressInUseIsAnError) {
    auto server = serve();
    options_.address = server->http_address();
    socket_ += '2';
    EXPECT_THROW(serve(), std::runtime_error);
    options_.address = *base::Address::parse("127.0.0.1:0");
    options_.tls = {"/no/such", "/no/such"};
    EXPECT_THROW(serve(), std::runtime_error);
}

TEST_F(AdminHttp, StrangersCannotShutTheUnixSocketOut) {
    auto server = serve();
    const auto address = server->http_address();
    std::vector<int> idle;
    for (int i = 0; i < 300; ++i) {
        int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(address.port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
        idle.push_back(fd);
    }
    EXPECT_EQ(title(get({.socket = socket_})), "here");
    for (std::size_t i = 200; i < idle.size(); ++i) {
        char byte;
        EXPECT_EQ(::recv(idle[i], &byte, 1, 0), 0) << "one of more than 200 over TCP";
    }
    for (int fd : idle) ::close(fd);
}

}  // namespace
}  // namespace muster::admin
