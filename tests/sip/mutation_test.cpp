// Broken copies of the torture messages: nothing is read beyond the bytes, and what parses can be answered.

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "muster/sip/framer.hpp"
#include "muster/sip/write.hpp"
#include "support.hpp"

namespace muster::sip {
namespace {

class Mutator {
public:
    Mutator(std::vector<std::string> corpus, std::uint64_t seed) : corpus_(std::move(corpus)), random_(seed) {}

    std::string next() {
        auto text = any();
        for (auto rounds = 1 + below(4); rounds > 0; --rounds) mutate(text);
        return text;
    }

private:
    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : static_cast<std::size_t>(random_() % bound); }
    const std::string& any() { return corpus_[below(corpus_.size())]; }

    void mutate(std::string& text) {
        static constexpr std::array<std::string_view, 28> pieces{"\r\n",
                                                                 "\r\n ",
                                                                 "\n",
                                                                 "\r",
                                                                 ";",
                                                                 ",",
                                                                 ":",
                                                                 "\"",
                                                                 "\\",
                                                                 "<",
                                                                 ">",
                                                                 "@",
                                                                 "%",
                                                                 "%00",
                                                                 "?",
                                                                 "=",
                                                                 "&",
                                                                 "[",
                                                                 "]",
                                                                 " ",
                                                                 "\t",
                                                                 "4294967296",
                                                                 "-1",
                                                                 "Content-Length: 3\r\n",
                                                                 "To: <sip:a@b>\r\n",
                                                                 ";tag=",
                                                                 "Via:",
                                                                 "\r\n\r\n"};
        auto at = below(text.size() + 1);
        auto count = below(std::min<std::size_t>(text.size() - at, 40) + 1);
        switch (below(6)) {
            case 0:
                if (at < text.size()) text[at] = static_cast<char>(random_());
                break;
            case 1:
                text.insert(at, pieces[below(pieces.size())]);
                break;
            case 2:
                text.erase(at, count);
                break;
            case 3:
                text.insert(at, text.substr(at, count));
                break;
            case 4: {
                const auto& other = any();
                text.insert(at, other.substr(below(other.size()), 60));
                break;
            }
            default:
                text.replace(at, count, pieces[below(pieces.size())]);
        }
    }

    std::vector<std::string> corpus_;
    std::mt19937_64 random_;
};

/// A response to `request` has one head, and no line of it is the sender's.
void expect_answerable(const Message& request, bool parses_again) {
    base::Flow flow{.remote = base::Address::v4(192, 0, 2, 9, 5062)};
    std::string out;
    ResponseWriter(out, 400, "Bad Request", request, reply_flow(request, flow), "totag").finish();
    ASSERT_EQ(out.find("\r\n\r\n"), out.size() - 4);
    for (std::size_t at = 0; (at = out.find_first_of("\r\n", at)) != out.npos; at += 2)
        ASSERT_EQ(out.substr(at, 2), "\r\n");
    if (!parses_again) return;
    Parsed response(out);
    ASSERT_TRUE(response.result) << response.result.reason << "\n" << out;
    EXPECT_FALSE(response.message.is_request);
    EXPECT_EQ(response.message.status, 400);
    EXPECT_EQ(response.message.call_id, request.call_id);
    EXPECT_EQ(response.message.cseq.number, request.cseq.number);
    EXPECT_EQ(response.message.via.branch.empty(), request.via.branch.empty());
    EXPECT_EQ(response.message.count(Header::via), request.count(Header::via));
    EXPECT_NE(response.message.to.tag(), "");
}

TEST(Mutation, TwentyThousandBrokenMessages) {
    Mutator mutator(torture_corpus(), 4475);
    std::array<int, 3> outcomes{};
    for (int i = 0; i < 20'000; ++i) {
        auto text = mutator.next();
        SCOPED_TRACE(i);
        Parsed got(text);
        ++outcomes[static_cast<std::size_t>(got.result.outcome)];
        if (got.result.outcome != ParseStatus::garbage && got.message.is_request)
            expect_answerable(got.message, got.result.outcome == ParseStatus::ok);
        if (HasFatalFailure()) FAIL() << text;
    }
    for (int count : outcomes) EXPECT_GT(count, 1'000);  // all three ways were gone
}

TEST(Mutation, FramesDoNotDependOnSplits) {
    Mutator mutator(torture_corpus(), 5118);
    std::mt19937_64 random(1);
    int messages = 0;
    for (int i = 0; i < 2'000; ++i) {
        auto stream = mutator.next() + mutator.next();
        auto run = [&](bool split) {
            Framer framer;
            std::string told;
            for (std::string_view rest = stream; !rest.empty();) {
                auto size = split ? std::min<std::size_t>(rest.size(), 1 + random() % 200) : rest.size();
                framer.feed(Bytes(rest.substr(0, size)).view());
                rest.remove_prefix(size);
                for (auto frame = framer.next(); frame.kind != Framer::Kind::need_more; frame = framer.next()) {
                    told += std::to_string(static_cast<int>(frame.kind)) + std::string(frame.reason) + "|";
                    if (frame.kind != Framer::Kind::message) continue;
                    told += frame.bytes;
                    ++messages;
                }
            }
            return told;
        };
        EXPECT_EQ(run(true), run(false)) << i;
    }
    EXPECT_GT(messages, 1'000);
}

}  // namespace
}  // namespace muster::sip
