#include "muster/admin/server.hpp"

#include <atomic>
#include <fstream>
#include <future>
#include <thread>

#include "fixture.hpp"

namespace muster::admin {
namespace {

/// Says what it was asked.
void echo(const Request& request, const Answer& answer) {
    std::string text = std::string(request.command->noun) + ' ' + std::string(request.command->verb);
    for (const auto& [name, value] : request.values) text += ' ' + name + '=' + value;
    answer({Code::done, '"' + text + " body=" + std::to_string(request.body.size()) + '"'});
}

TEST_F(AdminServer, PassesEveryCommandToTheHandler) {
    Server server(socket_, echo);
    int asked = 0;
    for (const auto& each : commands()) {
        if (each.method.empty()) continue;
        Request request;
        request.command = &each;
        std::string wanted = std::string(each.noun) + ' ' + std::string(each.verb);
        std::map<std::string, std::string> sorted;
        for (const auto& parameter : each.parameters) {
            if (parameter.kind == Parameter::Kind::file || parameter.kind == Parameter::Kind::password_stdin)
                request.body = "secret";
            else
                sorted.emplace(parameter.name, parameter.name == "if-version"            ? "7"
                                               : parameter.kind == Parameter::Kind::flag ? "1"
                                                                                         : "a/b@c d");
        }
        for (const auto& [name, value] : sorted) wanted += ' ' + name + '=' + value;
        request.values = {sorted.begin(), sorted.end()};
        auto reply = call(socket_, request, 20);
        EXPECT_EQ(reply.code, Code::done);
        EXPECT_EQ(reply.body, '"' + wanted + " body=" + std::to_string(request.body.size()) + '"');
        ++asked;
    }
    EXPECT_GE(asked, 15);
}

TEST_F(AdminServer, CarriesEveryCode) {
    for (auto code :
         {Code::refused, Code::usage, Code::not_found, Code::conflict, Code::timed_out, Code::unreachable}) {
        Server server(socket_, [code](const Request&, const Answer& answer) { answer(problem(code, "why", "so")); });
        auto reply = ask("status", "");
        EXPECT_EQ(reply.code, code);
        EXPECT_EQ(reply.body, problem(code, "why", "so").body);
    }
}

TEST_F(AdminServer, TellsTheUserOfThePeer) {
    unsigned uid = 4'000'000'000;
    Server server(socket_, [&](const Request& request, const Answer& answer) {
        uid = request.peer_uid;
        answer({});
    });
    EXPECT_EQ(ask("status", "").body, "{}");
    EXPECT_EQ(uid, ::getuid());
}

TEST_F(AdminServer, AnswersMayComeLaterAndFromAnotherThread) {
    std::promise<Answer> asked;
    Server server(socket_, [&](const Request&, Answer answer) { asked.set_value(std::move(answer)); });
    auto reply = std::async(std::launch::async, [&] { return ask("status", ""); });
    asked.get_future().get()({Code::done, "\"late\""});
    EXPECT_EQ(reply.get().body, "\"late\"");
}

TEST_F(AdminServer, AnAnswerAfterItsEndHurtsNobody) {
    std::promise<Answer> asked;
    Answer late;
    std::future<Reply> reply;
    {
        Server server(socket_, [&](const Request&, Answer answer) { asked.set_value(std::move(answer)); });
        reply = std::async(std::launch::async, [&] { return ask("status", ""); });
        late = asked.get_future().get();
    }
    EXPECT_EQ(reply.get().code, Code::unreachable) << "the connection was ended";
    late({Code::done, "{}"});
    EXPECT_FALSE(std::filesystem::exists(socket_));
}

TEST_F(AdminServer, ADroppedAnswerEndsTheConnection) {
    Server server(socket_, [](const Request&, const Answer&) {});
    EXPECT_EQ(ask("status", "").code, Code::unreachable);
}

TEST_F(AdminServer, TakesBigImportsButNoOtherBigBody) {
    Server server(socket_, echo);
    EXPECT_EQ(ask("accounts", "import", {}, std::string(40'000'000, 'x')).body, "\"accounts import body=40000000\"");
    auto refused = ask("accounts", "passwd", {{"aor", "a@b"}}, std::string(70'000, 'x'));
    EXPECT_EQ(refused.code, Code::usage);
    EXPECT_EQ(refused.body, R"({"type":"urn:muster:problem:usage","title":"Payload Too Large","status":413})")
        << "RFC 9457 s3.1.2";
}

TEST_F(AdminServer, RefusesBigBodiesInChunksAndBigHeaders) {
    Server server(socket_, echo);
    Raw chunked(socket_);
    chunked.send("POST /v1/config/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n" +
                 std::string(0x11170, 'x') + "\r\n0\r\n\r\n");
    EXPECT_NE(chunked.read_to_end().find(" 413 "), std::string::npos);
    Raw header(socket_);
    header.send("GET /v1/status HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n");
    EXPECT_NE(header.read_to_end().find(" 431 "), std::string::npos);
    EXPECT_EQ(ask("status", "").code, Code::done) << "and goes on";
}

TEST_F(AdminServer, KeepsConnectionsAndTheOrderOfRequests) {
    Server server(socket_, echo);
    Raw raw(socket_);
    raw.send("GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/domains HTTP/1.1\r\nHost: x\r\n\r\n");
    auto both = raw.read_until("domains list body=0\"");
    EXPECT_NE(both.find("\"status  body=0\""), std::string::npos) << both;
    EXPECT_LT(both.find("status"), both.find("domains"));
    EXPECT_NE(both.find("Content-Type: application/json\r\n"), std::string::npos);
    raw.send("GET /v1/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    auto last = raw.read_to_end();
    EXPECT_NE(last.find("HTTP/1.1 404 "), std::string::npos);
    EXPECT_NE(last.find("Content-Type: application/problem+json\r\n"), std::string::npos);
}

TEST_F(AdminServer, SaysContinueToThoseWhoWait) {
    Server server(socket_, echo);
    Raw raw(socket_);
    raw.send("POST /v1/accounts/import HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(raw.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("abcd");
    EXPECT_NE(raw.read_until("body=4\"").find(" 200 "), std::string::npos);
}

TEST_F(AdminServer, GarbageGetsA400OrTheEnd) {
    Server server(socket_, echo);
    for (std::string garbage : {std::string("\0\0\0\0\r\n\r\n", 8), std::string("REGISTER sip:a SIP/2.0\r\n\r\n"),
                                std::string(1'000, '\xff'), std::string("GET / HTTP/1.1\r\nbad header\r\n\r\n"),
                                std::string("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n")}) {
        Raw raw(socket_);
        raw.send(garbage);
        EXPECT_NE(raw.read_to_end().find("HTTP/1.1 400 "), std::string::npos) << garbage;
    }
    {
        Raw half(socket_), none(socket_);
        half.send("GET /v1/sta");
    }
    EXPECT_EQ(ask("status", "").code, Code::done);
}

TEST_F(AdminServer, ManyConnectionsAtOnce) {
    std::atomic<int> handled{0};
    Server server(socket_, [&](const Request& request, const Answer& answer) {
        ++handled;
        echo(request, answer);
    });
    std::vector<std::future<int>> clients;
    for (int i = 0; i < 8; ++i)
        clients.push_back(std::async(std::launch::async, [&] {
            int done = 0;
            for (int n = 0; n < 50; ++n) done += ask("bindings", "show", {{"aor", "a@b"}}).code == Code::done;
            return done;
        }));
    for (auto& client : clients) EXPECT_EQ(client.get(), 50);
    EXPECT_EQ(handled, 400);
}

TEST_F(AdminServer, SocketIsForOwnerAndGroupAndGoesWithTheServer) {
    {
        Server server(socket_, echo);
        struct stat found {};
        ASSERT_EQ(::stat(socket_.c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 07777, 0660u);
    }
    EXPECT_FALSE(std::filesystem::exists(socket_));
}

TEST_F(AdminServer, ALiveSocketIsAnErrorADeadOneIsReplaced) {
    {
        Server first(socket_, echo);
        EXPECT_THROW(Server(socket_, echo), std::runtime_error);
        EXPECT_EQ(ask("status", "").code, Code::done) << "the first one is not disturbed";
        std::ofstream(folder_ + "/plain") << "precious";
    }
    EXPECT_THROW(Server(folder_ + "/plain", echo), std::runtime_error);
    int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(dead);
    ASSERT_TRUE(std::filesystem::exists(socket_));
    Server server(socket_, echo);
    EXPECT_EQ(ask("status", "").code, Code::done);
    EXPECT_THROW(Server(folder_ + "/no/such/folder.sock", echo), std::runtime_error);
    EXPECT_THROW(Server(folder_ + '/' + std::string(200, 'x'), echo), std::runtime_error);
}

TEST_F(AdminServer, ClientSaysWhyItGotNothing) {
    auto nobody = ask("status", "");
    EXPECT_EQ(nobody.code, Code::unreachable);
    EXPECT_NE(nobody.body.find(socket_), std::string::npos) << nobody.body;
    std::promise<Answer> asked;
    Server server(socket_, [&](const Request&, Answer answer) { asked.set_value(std::move(answer)); });
    EXPECT_EQ(ask("status", "", {}, {}, 0).code, Code::timed_out);
}

}  // namespace
}  // namespace muster::admin
