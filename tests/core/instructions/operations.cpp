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

    /// Messages as long as a datagram may be, each of one thing that is long: none may cost much more than it must.
    void largest() {
        const auto request = [](const std::string& method, const std::string& uri, const std::string& to) {
            return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKlargest\r\n" +
                   "Max-Forwards: 70\r\nFrom: <sip:caller@example.net>;tag=1\r\nTo: <" + to +
                   ">\r\nCall-ID: largest\r\nCSeq: 1 " + method + "\r\n";
        };
        const std::string user = "sip:" + name(0) + "@example.com";
        const auto registration = request("REGISTER", "sip:example.com", user);
        const auto invite = request("INVITE", user, user);
        const std::pair<const char*, std::string> shapes[] = {
            {"headers", registration + repeated("X-Long: " + std::string(490, 'x') + "\r\n", 60'000)},
            {"short_headers", registration + repeated("a: b\r\n", 60'000)},
            {"folds", registration + "Subject: x\r\n" + repeated(" \r\n", 60'000)},
            {"vias",
             registration + "Via: SIP/2.0/UDP a;branch=1" + repeated(", SIP/2.0/UDP a;branch=1", 60'000) + "\r\n"},
            {"contacts", registration + "Contact: <sip:a@192.0.2.1>" + contacts(64, 900) + "\r\n"},
            {"many_contacts", registration + "Contact: <sip:a@b>" + repeated(", <sip:a@b>", 60'000) + "\r\n"},
            {"params", registration + "Contact: <sip:a@192.0.2.1>" + repeated(";a", 58'000) + "\r\n"},
            {"uri_params", registration + "Contact: <sip:a@192.0.2.1" + repeated(";a=b", 58'000) + ">\r\n"},
            {"escapes", request("REGISTER", "sip:example.com", "sip:" + repeated("%41", 58'000) + "@example.com")},
            {"require", registration + "Require: a" + repeated(",a", 60'000) + "\r\n"},
            {"digest", registration + "Authorization: Digest username=\"" + repeated("\\a", 58'000) +
                           "\", realm=\"example.com\", nonce=\"n\", uri=\"sip:example.com\", response=\"" +
                           std::string(32, '0') + "\"\r\n"},
            {"digests", registration + repeated("Authorization: Digest username=\"a\", realm=\"b\"\r\n", 60'000)},
            {"routes", invite + "Route: <sip:a;lr>" + repeated(", <sip:a;lr>", 60'000) + "\r\n"},
            {"preferences", invite + "Accept-Contact: *;audio" + repeated(", *;a=\"b\";require", 58'000) + "\r\n"},
            {"white_space", registration + "Contact: " + std::string(60'000, ' ') + "<sip:a@192.0.2.1>\r\n"},
            {"quotes", registration + "Contact: \"" + repeated("\\\"", 58'000) + "\" <sip:a@192.0.2.1>\r\n"},
        };
        for (const auto& [what, text] : shapes)
            for (bool is_trusted : {false, true}) {
                const auto flow = world_.udp(is_trusted ? "198.51.100.1:5060" : "192.0.2.99:5060");
                const auto operation = std::string("largest_") + what + (is_trusted ? "_trusted" : "");
                run(operation.c_str(), Requests(5, {flow, text + "Content-Length: 0\r\n\r\n"}),
                    &core::Counters::received);
            }
    }

private:
    static std::string repeated(const std::string& what, std::size_t bytes) {
        std::string all;
        while (all.size() + what.size() <= bytes) all += what;
        return all;
    }
    static std::string contacts(int count, std::size_t bytes) {
        std::string all;
        for (int i = 1; i < count; ++i)
            all += ", <sip:" + std::to_string(i) + "@192.0.2.1;x=" + std::string(bytes, 'x') + ">";
        return all;
    }

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
    drive.largest();
}
