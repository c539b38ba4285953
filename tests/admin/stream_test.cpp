// Answers without an end: one piece at a time, to readers that are slow, go away, or are many.

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "fixture.hpp"

namespace muster::admin {
namespace {

/// Gives `count` events at once and then holds the one who asks, or ends.
class Source final : public Stream {
public:
    Source(int count, bool ends, std::size_t bytes = 1) : count_(count), ends_(ends), bytes_(bytes) {}

    void next(std::function<void(std::string)> take) override {
        std::unique_lock lock(mutex_);
        ++asked_;
        const int number = asked_;
        if (number <= count_ || ends_) {
            lock.unlock();
            const std::string data =
                "{\"n\":" + std::to_string(number) + ",\"x\":\"" + std::string(bytes_, 'x') + "\"}";
            return take(number <= count_ ? event("tick", data, static_cast<std::uint64_t>(number)) : "");
        }
        if (!cancelled_) waiting_ = std::move(take);
        changed_.notify_all();
    }
    void cancel() override {
        std::function<void(std::string)> let_go;  // outside the lock: it may be the last to hold the session
        std::lock_guard lock(mutex_);
        let_go.swap(waiting_);
        cancelled_ = true;
        changed_.notify_all();
    }

    /// Gives more to the one who waits.
    void give(std::string text) {
        std::function<void(std::string)> take;
        {
            std::lock_guard lock(mutex_);
            take.swap(waiting_);
        }
        ASSERT_TRUE(take);
        take(std::move(text));
    }
    bool wait_until(bool Source::*what) {
        return wait([&] { return this->*what; });
    }
    bool is_waited_for() {
        return wait([&] { return static_cast<bool>(waiting_); });
    }
    int asked() {
        std::lock_guard lock(mutex_);
        return asked_;
    }

    bool cancelled_ = false;

private:
    template <class Condition>
    bool wait(Condition condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(20), condition);
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void(std::string)> waiting_;
    const int count_;
    const bool ends_;
    const std::size_t bytes_;
    int asked_ = 0;
};

class AdminStream : public AdminServer {
protected:
    /// Answers everything with one source.
    void serve(std::shared_ptr<Source> source, std::chrono::milliseconds silence = std::chrono::seconds(15)) {
        server_ = std::make_unique<Server>(
            ServerOptions{.socket = socket_, .silence = silence},
            [source = std::move(source)](const Request&, const Answer& answer) { answer({.stream = source}); });
    }
    /// What `follow` is given, "tick {...}" each; it stops after `most`.
    std::pair<Reply, std::vector<std::string>> listen(std::size_t most = 1'000'000) const {
        std::vector<std::string> heard;
        Request request;
        request.command = &command("status", "");
        const auto take = [&](std::string_view name, std::string_view data, std::string_view) {
            heard.push_back(std::string(name) + ' ' + std::string(data));
            return heard.size() < most;
        };
        auto reply = follow(Target{.socket = socket_}, request, 20, take);
        return {std::move(reply), std::move(heard)};
    }
    static constexpr auto get = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";

    std::unique_ptr<Server> server_;
};

TEST_F(AdminStream, IsSentPieceByPieceAndEnds) {
    serve(std::make_shared<Source>(3, true));
    auto [reply, heard] = listen();
    EXPECT_EQ(reply.code, Code::done) << reply.body;
    EXPECT_EQ(heard, (std::vector<std::string>{R"(tick {"n":1,"x":"x"})", R"(tick {"n":2,"x":"x"})",
                                               R"(tick {"n":3,"x":"x"})"}));
    Raw raw(socket_);
    raw.send(get);
    const auto all = raw.read_to_end();
    for (std::string_view part : {"HTTP/1.1 200 ", "Content-Type: text/event-stream\r\n", "Cache-Control: no-store\r\n",
                                  "Transfer-Encoding: chunked\r\n"})
        EXPECT_NE(all.find(part), all.npos) << part << all;
    EXPECT_EQ(all.substr(all.size() - 5), "0\r\n\r\n");
}

TEST_F(AdminStream, MayComeLaterAndFromAnotherThread) {
    auto source = std::make_shared<Source>(0, false);
    serve(source);
    auto listening = std::async(std::launch::async, [&] { return listen(2); });
    for (std::string_view name : {"one", "two"}) {
        ASSERT_TRUE(source->is_waited_for());
        source->give(event(name, "{}"));
    }
    EXPECT_EQ(listening.get().second, (std::vector<std::string>{"one {}", "two {}"}));
    EXPECT_TRUE(source->wait_until(&Source::cancelled_)) << "the listener has gone";
}

TEST_F(AdminStream, SaysAWordWhenNothingHappens) {
    auto source = std::make_shared<Source>(0, false);
    serve(source, std::chrono::milliseconds(1));
    Raw raw(socket_);
    raw.send(get);
    EXPECT_NE(raw.read_until("3\r\n:\n\n\r\n3\r\n:\n\n\r\n").find("3\r\n:\n\n\r\n3\r\n:\n\n\r\n"), std::string::npos);
    ASSERT_TRUE(source->is_waited_for());
    EXPECT_EQ(source->asked(), 1) << "a comment asks for nothing";
    source->give(event("late", "{}"));
    EXPECT_NE(raw.read_until("event: late").find("event: late"), std::string::npos);
}

TEST_F(AdminStream, ASlowReaderIsNotAskedForAndHoldsUpNobody) {
    auto source = std::make_shared<Source>(1'000'000, false, 100'000);
    serve(source);
    Raw slow(socket_);
    slow.send(get);
    EXPECT_NE(slow.read_until("\"n\":1,").find("\"n\":1,"), std::string::npos);
    EXPECT_EQ(listen(20).second.size(), 20u) << "another one listens meanwhile";
    EXPECT_LT(source->asked(), 200) << "what the sockets' buffers hold, of 100 GB";
}

TEST_F(AdminStream, APeerThatGoesAwayLetsTheSourceGo) {
    auto source = std::make_shared<Source>(1, false);
    serve(source);
    {
        Raw raw(socket_);
        raw.send(get);
        EXPECT_NE(raw.read_until("tick").find("tick"), std::string::npos);
        ASSERT_TRUE(source->is_waited_for());
    }
    EXPECT_TRUE(source->wait_until(&Source::cancelled_));
    server_.reset();
    EXPECT_EQ(source.use_count(), 1) << "nobody holds it";
}

TEST_F(AdminStream, EndsWithTheServer) {
    auto source = std::make_shared<Source>(2, false);
    serve(source);
    auto listening = std::async(std::launch::async, [&] { return listen(); });
    ASSERT_TRUE(source->is_waited_for());
    server_.reset();
    auto [reply, heard] = listening.get();
    EXPECT_EQ(reply.code, Code::unreachable);
    EXPECT_EQ(heard.size(), 2u);
    EXPECT_TRUE(source->cancelled_);
    EXPECT_EQ(source.use_count(), 1);
}

TEST_F(AdminStream, ManyAtOnce) {
    std::vector<std::shared_ptr<Source>> sources;
    server_ = std::make_unique<Server>(socket_, [&](const Request&, const Answer& answer) {
        answer({.stream = sources.emplace_back(std::make_shared<Source>(50, false))});
    });
    std::vector<std::unique_ptr<Raw>> readers;
    for (int i = 0; i < 100; ++i) readers.emplace_back(std::make_unique<Raw>(socket_))->send(get);
    for (const auto& reader : readers) EXPECT_NE(reader->read_until("\"n\":50,").find("\"n\":50,"), std::string::npos);
    readers.clear();
    for (const auto& source : sources) EXPECT_TRUE(source->wait_until(&Source::cancelled_));
    EXPECT_EQ(sources.size(), 100u);
}

TEST_F(AdminStream, TellsWhereItsReaderWasAndWhatItWantsUnchanged) {
    std::vector<Request> asked;
    {
        Server server(socket_, [&](const Request& request, const Answer& answer) {
            asked.push_back(request);
            answer({.version = 7});
        });
        Raw raw(socket_);
        auto ask = [&raw](std::string_view field) {
            raw.send("GET /v1/status HTTP/1.1\r\nHost: x\r\n" + std::string(field) + "\r\n\r\n");
        };
        for (std::string_view field : {"Last-Event-ID: 42", "If-Match: \"6\"", "If-Match: *", "Accept: a/b;q=0.1"}) {
            ask(field);
            EXPECT_NE(raw.read_until("{}").find("ETag: \"7\"\r\n"), std::string::npos);
        }
        for (std::string_view field :
             {"Last-Event-ID: x", "If-Match: 6", "If-Match: W/\"6\"", "If-Match: \"6\", \"7\""}) {
            ask(field);
            EXPECT_NE(raw.read_until("}").find(" 400 "), std::string::npos) << field;
        }
    }
    ASSERT_EQ(asked.size(), 4u) << "those with a fault are not handed on";
    EXPECT_EQ(asked[0].last_event, 42u);
    EXPECT_EQ(asked[1].if_match, 6u);
    EXPECT_EQ(asked[3].accept, "a/b;q=0.1");
    EXPECT_EQ(asked[2].accept, "");
    EXPECT_FALSE(asked[0].if_match || asked[1].last_event || asked[2].if_match || asked[3].if_match);
}

}  // namespace
}  // namespace muster::admin
