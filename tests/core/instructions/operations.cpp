// What a registrar does most, for callgrind to count: `counted` runs once for each operation, and whatever else is
// needed happens outside it. Prints the name of each operation and how often it was done, in that order. The same
// seed and a virtual clock make every run the same.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/phone.hpp"
#include "support/world.hpp"

namespace {

using namespace std::chrono_literals;
using namespace muster;

constexpr std::size_t users = 1'000;
constexpr std::size_t batch = 32;  // changes that share a commit, as they do under load
constexpr auto config = "domains: {example.com: {lookup: redirect, trusted: [198.51.100.1]}}";

struct Request {
    base::Flow flow;
    std::string text;
};
using Requests = std::vector<Request>;

}  // namespace

/// All that the core and the writer do for these requests; the two threads take turns.
extern "C" [[gnu::noinline]] void counted(test::World& world, const Requests& requests, core::Outbox& out,
                                          std::vector<core::JobPtr>& jobs) {
    auto& core = world.core(0);
    for (std::size_t begin = 0; begin < requests.size(); begin += batch) {
        for (auto i = begin; i < std::min(begin + batch, requests.size()); ++i)
            core.on_message(requests[i].flow, requests[i].text, world.now(), out);
        std::swap(jobs, out.jobs);
        out.clear();
        if (!jobs.empty()) world.writer().run_batch(jobs, world.now());
        for (auto& job : jobs) core.on_outcome(std::move(job), world.now(), out);
        jobs.clear();
        out.clear();
    }
}

namespace {

class Drive {
public:
    Drive() {
        for (std::size_t i = 0; i < users; ++i) world_.account(name(i) + "@example.com", name(i) + "-secret");
    }

    /// 401 to who brings no credentials.
    void challenge() {
        run("challenge", requests(register_lines, false), &core::Counters::challenged);
        for (std::size_t i = 0; i < users; ++i) challenges_.push_back(challenge_to(i));
    }
    /// 200 to a phone that has answered its challenge: a change, committed.
    void registration(const char* name) { run(name, requests(register_lines, true), &core::Counters::registered); }
    void query() { run("query", requests("", true), &core::Counters::queried); }

    void redirect() {
        Requests all;
        for (std::size_t i = 0; i < users; ++i)
            all.push_back({world_.udp("198.51.100.1:5060"),
                           head("INVITE", "sip:" + name(i) + "@example.com", i, "sip:caller@example.net") +
                               "Contact: <sip:caller@198.51.100.1>\r\nContent-Length: 0\r\n\r\n"});
        run("redirect", all, &core::Counters::redirected);
    }

private:
    static constexpr auto register_lines = "Contact: <sip:{}@192.0.2.4:5062>\r\nExpires: 3600\r\n";

    static std::string name(std::size_t i) { return "user" + std::to_string(10'000 + i); }

    std::string head(const std::string& method, const std::string& uri, std::size_t i, const std::string& from) const {
        const auto cseq = std::to_string(cseq_);
        return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.4:5062;branch=z9hG4bK" + name(i) + "." +
               cseq + ";rport\r\nMax-Forwards: 70\r\nFrom: <" + from + ">;tag=" + cseq + "\r\nTo: <sip:" + name(i) +
               "@example.com>\r\nCall-ID: " + name(i) + "@192.0.2.4\r\nCSeq: " + cseq + " " + method +
               "\r\nUser-Agent: counted\r\n";
    }

    Requests requests(std::string lines, bool with_credentials) {
        ++cseq_;
        nonce_count_ += with_credentials;
        Requests all;
        for (std::size_t i = 0; i < users; ++i) {
            auto text = head("REGISTER", "sip:example.com", i, "sip:" + name(i) + "@example.com") + lines;
            if (auto at = text.find("{}"); at != std::string::npos) text.replace(at, 2, name(i));
            if (with_credentials) {
                char nc[9];
                std::snprintf(nc, sizeof nc, "%08x", nonce_count_);
                text +=
                    "Authorization: " +
                    test::credentials(challenges_[i], name(i), name(i) + "-secret", "REGISTER", "sip:example.com", nc) +
                    "\r\n";
            }
            all.push_back({phone_, text + "Content-Length: 0\r\n\r\n"});
        }
        return all;
    }

    std::string challenge_to(std::size_t i) {
        auto text = head("REGISTER", "sip:example.com", i, "sip:" + name(i) + "@example.com");
        world_.core(0).on_message(phone_, text + "Content-Length: 0\r\n\r\n", world_.now(), out_);
        std::string answer(out_.sends.bytes(out_.sends.entries().back()));
        out_.clear();
        return test::fields_of(answer, "WWW-Authenticate").at(0);
    }

    /// Ends the program when not every request was answered as `counter` counts.
    void run(const char* operation, const Requests& all, std::uint64_t core::Counters::*counter) {
        const auto before = world_.core(0).counters().*counter;
        counted(world_, all, out_, jobs_);
        const auto done = world_.core(0).counters().*counter - before;
        if (done != all.size()) {
            std::fprintf(stderr, "%s: %zu of %zu were answered as they should\n", operation,
                         static_cast<std::size_t>(done), all.size());
            std::exit(1);
        }
        std::printf("%s %zu\n", operation, all.size());
        world_.passes(40s);  // the transactions of the one operation end before the next
    }

    test::World world_{config};
    base::Flow phone_ = world_.udp("192.0.2.4:5062");
    core::Outbox out_;
    std::vector<core::JobPtr> jobs_;
    std::vector<std::string> challenges_;
    unsigned cseq_ = 0;
    unsigned nonce_count_ = 0;
};

}  // namespace

int main() {
    Drive drive;
    drive.challenge();
    drive.registration("register");
    drive.registration("refresh");
    drive.query();
    drive.redirect();
}
