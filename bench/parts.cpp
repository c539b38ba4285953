// What the parts of a registration cost. Compare rows of one run with each other, not with another machine.

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "muster/auth/digest.hpp"
#include "muster/core/binding_writer.hpp"
#include "muster/core/core.hpp"
#include "muster/location/table.hpp"
#include "muster/registrar/reply.hpp"
#include "muster/sip/parse.hpp"
#include "muster/sip/write.hpp"
#include "muster/store/sqlite.hpp"

namespace {

using namespace muster;

class SeededRandom : public base::Random {
public:
    void fill(std::span<std::uint8_t> out) override {
        for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_());
    }

private:
    std::mt19937_64 engine_{1};
};

const base::Now now{base::Mono(base::Milliseconds(1'000'000)), base::Wall(base::Milliseconds(1'700'000'000'000))};

base::Flow phone_flow() {
    base::Flow flow;
    flow.remote = base::Address::v4(127, 0, 0, 1, 5070);
    flow.local = base::Address::v4(127, 0, 0, 1, 5060);
    return flow;
}

std::string user_name(std::size_t i) { return "u" + std::to_string(i); }

std::string register_text(const std::string& user, std::size_t cseq, const std::string& authorization = {}) {
    return "REGISTER sip:lab.test SIP/2.0\r\n"
           "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-" +
           user + "-" + std::to_string(cseq) +
           ";rport\r\n"
           "Max-Forwards: 70\r\n"
           "From: <sip:" +
           user + "@lab.test>;tag=f-" + user +
           "\r\n"
           "To: <sip:" +
           user +
           "@lab.test>\r\n"
           "Call-ID: c-" +
           user +
           "@127.0.0.1\r\n"
           "CSeq: " +
           std::to_string(cseq) +
           " REGISTER\r\n"
           "Contact: <sip:" +
           user +
           "@127.0.0.1:5070>\r\n"
           "Expires: 3600\r\n"
           "User-Agent: bench\r\n" +
           authorization + "Content-Length: 0\r\n\r\n";
}

core::SettingsPtr lab_settings(core::Lookup lookup) {
    core::Settings settings;
    settings.served.add("lab.test", "lab.test");
    core::Domain domain;
    domain.policy.domain = "lab.test";
    domain.digest.realm = "lab.test";
    domain.lookup = lookup;
    domain.policy.trusted.push_back(*base::Network::parse("127.0.0.0/8"));
    settings.domains.emplace("lab.test", domain);
    settings.listeners.push_back({base::Transport::udp, phone_flow().local, {}, phone_flow().local});
    settings.served.add_listen("127.0.0.1", 5060);
    return std::make_shared<const core::Settings>(settings);
}

/// One worker's core with `users` accounts, and what it shares with others.
struct Lab {
    explicit Lab(std::size_t users, core::Lookup lookup = core::Lookup::proxy) : settings(lab_settings(lookup)) {
        for (std::size_t i = 0; i < users; ++i)
            accounts.publish(auth::make_account("sip:" + user_name(i) + "@lab.test", user_name(i), "lab.test", "pw"),
                             i + 1);
    }
    SeededRandom random;
    location::Table table{1};
    auth::Accounts accounts{2};
    auth::NonceKeys nonces{random};
    auth::NonceTable used{100'000, 3};
    core::Ringing ringing{4};
    core::RateTable rates{65'536, 5};
    core::Liveness liveness{65'536, 6};
    core::RouteKeys keys;
    core::SettingsPtr settings;
    core::Core core{0,
                    core::Shared{table, accounts, nonces, used, ringing, rates, liveness, keys,
                                 [](const base::Flow&) { return true; }},
                    random,
                    settings,
                    {}};
};

void parse_register(benchmark::State& state) {
    auto text = register_text("u1", 1);
    auto message = std::make_unique<sip::Message>();
    for (auto _ : state) benchmark::DoNotOptimize(sip::parse(text, *message));
}
BENCHMARK(parse_register);

void compare_uris(benchmark::State& state) {
    auto a = sip::parse_uri("sip:alice@host.example.com:5070;transport=udp;ob");
    auto b = sip::parse_uri("sip:alice@HOST.example.com:5070;transport=UDP;x=y");
    for (auto _ : state) benchmark::DoNotOptimize(sip::uri_equal(*a, *b));
}
BENCHMARK(compare_uris);

/// Nobody vouches for a REGISTER of these: it comes from elsewhere.
base::Flow stranger_flow() {
    auto flow = phone_flow();
    flow.remote = base::Address::v4(192, 0, 2, 4, 5070);
    return flow;
}

void challenge_a_stranger(benchmark::State& state) {
    Lab lab(1);
    auto text = register_text("u0", 1);
    core::Outbox out;
    for (auto _ : state) {
        lab.core.on_message(stranger_flow(), text, now, out);
        out.clear();
    }
}
BENCHMARK(challenge_a_stranger);

/// The messages of one phone that uses one nonce, each with the next nonce count: made before the clock runs, because
/// every count is good for once.
std::vector<std::string> signed_registers(Lab& lab, std::size_t count) {
    std::string challenge;
    const auto& digest = lab.settings->domains.begin()->second.digest;
    auth::append_challenges(challenge, "WWW-Authenticate", digest, lab.nonces, lab.random, false, now);
    const auto begin = challenge.find("nonce=\"") + 7;
    const auto nonce = challenge.substr(begin, challenge.find('"', begin) - begin);
    const auto ha1 = auth::ha1_hex(auth::Algorithm::md5, "u0", "lab.test", "pw");
    std::vector<std::string> all;
    for (std::size_t i = 1; i <= count; ++i) {
        auto nc = std::to_string(10'000'000 + i);
        const auto response = auth::response_hex({.algorithm = auth::Algorithm::md5,
                                                  .ha1 = ha1,
                                                  .nonce = nonce,
                                                  .nc = nc,
                                                  .cnonce = "0a4f113b",
                                                  .qop = "auth",
                                                  .method = "REGISTER",
                                                  .uri = "sip:lab.test"});
        all.push_back(register_text("u0", i,
                                    "Authorization: Digest username=\"u0\", realm=\"lab.test\", nonce=\"" + nonce +
                                        "\", uri=\"sip:lab.test\", response=\"" + response +
                                        "\", algorithm=MD5, qop=auth, nc=" + nc + ", cnonce=\"0a4f113b\"\r\n"));
    }
    return all;
}

/// Right credentials: look for the account, nonce, digest, nonce count.
void check_a_digest(benchmark::State& state) {
    Lab lab(1);
    const auto texts = signed_registers(lab, static_cast<std::size_t>(state.max_iterations));
    const auto& domain = lab.settings->domains.begin()->second;
    auto message = std::make_unique<sip::Message>();
    std::size_t i = 0;
    for (auto _ : state) {
        state.PauseTiming();
        sip::parse(texts[i++], *message);
        state.ResumeTiming();
        const auto verdict =
            auth::verify(auth::find_claim(*message, sip::Header::authorization, domain.digest), *message, domain.digest,
                         lab.settings->served, lab.accounts, lab.nonces, lab.used, now);
        if (verdict.outcome != auth::Outcome::accepted) state.SkipWithError("not accepted");
    }
}
BENCHMARK(check_a_digest)->Iterations(20'000);

void hash_a_password(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(auth::make_account("sip:u1@lab.test", "u1", "lab.test", "password"));
}
BENCHMARK(hash_a_password);

location::Binding one_binding() {
    location::Binding binding;
    binding.contact = "sip:u1@127.0.0.1:5070";
    binding.call_id = "c-u1@127.0.0.1";
    binding.user_agent = "bench";
    static const std::string flow = phone_flow().encode();
    binding.flow = flow;
    binding.cseq = 1;
    binding.interval = 3600;
    binding.expires_at = now.mono + base::Seconds(3600);
    binding.updated_at = now.mono;
    return binding;
}

/// A table of `range(0)` AORs with `range(1)` bindings each, and those AORs in an order that no cache knows.
struct Bound {
    explicit Bound(const benchmark::State& state)
        : bindings(static_cast<std::size_t>(state.range(1)), one_binding()), expiries(table) {
        for (std::int64_t i = 0; i < state.range(0); ++i)
            aors.push_back("sip:" + user_name(static_cast<std::size_t>(i)) + "@lab.test");
        for (const auto& aor : aors) publish(aor);
        std::shuffle(aors.begin(), aors.end(), std::mt19937_64(1));
    }
    void publish(const std::string& aor) {
        const auto record = location::Record::encode(aor, ++version, now.mono, bindings);
        table.publish(record);
        if (auto due = record.next_expiry()) expiries.schedule(aor, *due);
    }
    const std::string& next() { return aors[++place < aors.size() ? place : place = 0]; }

    location::Bindings bindings;
    location::Table table{1};
    location::ExpiryQueue expiries;
    std::vector<std::string> aors;
    std::uint64_t version = 0;
    std::size_t place = 0;
};

void find_in_table(benchmark::State& state) {
    Bound bound(state);
    for (auto _ : state) benchmark::DoNotOptimize(bound.table.find(bound.next()));
}

/// AORs and bindings of each. A fixed number of rounds: the table is filled once.
void table_sizes(benchmark::internal::Benchmark* part) {
    for (std::int64_t aors : {10'000, 100'000, 1'000'000}) part->Args({aors, 1});
    for (std::int64_t bindings : {3, 10}) part->Args({100'000, bindings});
    part->Iterations(1'000'000);
}
BENCHMARK(find_in_table)->Apply(table_sizes);

/// What a callee's or a query's look-up costs: the record, and its bindings in the order of an answer.
void find_current(benchmark::State& state) {
    Bound bound(state);
    location::Bindings found;
    for (auto _ : state) {
        found.clear();
        bound.table.find(bound.next())->current(now.mono, found);
        benchmark::DoNotOptimize(found.data());
    }
}
BENCHMARK(find_current)->Apply(table_sizes);

/// The writer's part of the table in a refresh: encode, publish, schedule.
void publish_a_refresh(benchmark::State& state) {
    Bound bound(state);
    for (auto _ : state) bound.publish(bound.next());
}
BENCHMARK(publish_a_refresh)->Apply(table_sizes);

std::string request_text(std::string_view method, std::string_view uri, std::size_t number) {
    const std::string id = std::to_string(number);
    return std::string(method) + " " + std::string(uri) +
           " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-" + id +
           ";rport\r\nMax-Forwards: 70\r\nFrom: <sip:caller@lab.test>;tag=" + id + "\r\nTo: <" + std::string(uri) +
           ">\r\nCall-ID: " + id + "@127.0.0.1\r\nCSeq: 1 " + std::string(method) +
           "\r\nContact: <sip:caller@127.0.0.1:5070>\r\nContent-Length: 0\r\n\r\n";
}

void bind(Lab& lab, const location::Binding& binding) {
    lab.table.publish(location::Record::encode("sip:u0@lab.test", 1, now.mono, {&binding, 1}));
}

/// A redirect is to cost little more than the answer to OPTIONS and one find_in_table.
void answer(benchmark::State& state, std::string_view method, std::string_view uri) {
    Lab lab(1, core::Lookup::redirect);
    bind(lab, one_binding());
    const auto text = request_text(method, uri, 1);
    core::Outbox out;
    for (auto _ : state) {
        lab.core.on_message(phone_flow(), text, now, out);
        out.clear();
    }
}
BENCHMARK_CAPTURE(answer, options, "OPTIONS", "sip:lab.test");
BENCHMARK_CAPTURE(answer, redirect, "INVITE", "sip:u0@lab.test");

/// What comes out of the core last, answered with 200 as the callee would.
std::string answer_to(const core::Outbox& out) {
    const std::string request(out.sends.bytes(out.sends.entries().back()));
    std::string answer = "SIP/2.0 200 OK\r\n";
    for (std::size_t at = request.find("\r\n") + 2; at < request.size();) {
        const auto end = request.find("\r\n", at);
        const auto line = request.substr(at, end + 2 - at);
        at = end + 2;
        if (line.starts_with("To:")) answer += line.substr(0, line.size() - 2) + ";tag=callee\r\n";
        for (auto name : {"Via:", "Record-Route:", "From:", "Call-ID:", "CSeq:"})
            if (line.starts_with(name)) answer += line;
    }
    return answer + "Contact: <sip:u0@127.0.0.1:5070>\r\nContent-Length: 0\r\n\r\n";
}

/// A request and its 200, the callee's work not counted; the transactions of the last 32 seconds are there as well.
void pass_on(benchmark::State& state, std::string_view method) {
    Lab lab(1);
    bind(lab, one_binding());
    core::Outbox out;
    auto moment = now;
    std::size_t number = 0;
    for (auto _ : state) {
        state.PauseTiming();
        const auto text = request_text(method, "sip:u0@lab.test", ++number);
        moment.mono += base::Milliseconds(1);
        state.ResumeTiming();
        lab.core.on_message(phone_flow(), text, moment, out);
        state.PauseTiming();
        const auto answer = answer_to(out);
        out.clear();
        state.ResumeTiming();
        lab.core.on_message(phone_flow(), answer, moment, out);
        lab.core.on_time(moment, out);
        out.clear();
    }
}
BENCHMARK_CAPTURE(pass_on, options, "OPTIONS");
BENCHMARK_CAPTURE(pass_on, invite, "INVITE");

void encode_and_decode_record(benchmark::State& state) {
    auto binding = one_binding();
    location::Bindings back;
    for (auto _ : state) {
        auto record = location::Record::encode("sip:u0@lab.test", 1, now.mono, {&binding, 1});
        back.clear();
        record.decode(back);
        benchmark::DoNotOptimize(back.data());
    }
}
BENCHMARK(encode_and_decode_record);

void process_a_refresh(benchmark::State& state) {
    Lab lab(1);
    auto text = register_text("u0", 2);
    auto message = std::make_unique<sip::Message>();
    sip::parse(text, *message);
    auto request = registrar::read_register(*message, lab.settings->served, "sip:u0@lab.test", phone_flow(), {}, {});
    auto binding = one_binding();
    auto record = location::Record::encode("sip:u0@lab.test", 1, now.mono, {&binding, 1});
    registrar::IsDead never = [](const location::Binding&) { return false; };
    for (auto _ : state)
        benchmark::DoNotOptimize(registrar::process_register(
            *request, &record, lab.settings->domains.begin()->second.policy, never, 1, now));
}
BENCHMARK(process_a_refresh);

/// Step 8: the 200 with one contact.
void write_a_200(benchmark::State& state) {
    Lab lab(1);
    const auto text = register_text("u0", 2);
    auto message = std::make_unique<sip::Message>();
    sip::parse(text, *message);
    const auto request =
        registrar::read_register(*message, lab.settings->served, "sip:u0@lab.test", phone_flow(), {}, {});
    const auto binding = one_binding();
    const auto record = location::Record::encode("sip:u0@lab.test", 1, now.mono, {&binding, 1});
    const auth::GruuSeal seal{{}};
    std::string head, out;
    for (auto _ : state) {
        head.clear();
        out.clear();
        sip::append_reply_head(head, *message, phone_flow(), "a-tag");
        registrar::append_ok(out, head, *request, &record, {}, {seal, lab.random}, now);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(write_a_200);

/// Appends of `range` changes a commit, each with its sync: time is that of the disk, CPU that of the work.
void commit_a_batch(benchmark::State& state) {
    auto folder = std::filesystem::temp_directory_path() / "muster-bench-XXXXXX";
    auto name = folder.string();
    if (!mkdtemp(name.data())) return state.SkipWithError("no temporary folder");
    {
        auto store = store::open_sqlite({.path = name + "/bench.db"});
        store->load([](const location::Stored&) {});
        auto binding = one_binding();
        auto record = location::Record::encode("sip:u0@lab.test", 0, now.mono, {&binding, 1});
        auto size = static_cast<std::size_t>(state.range(0));
        std::vector<std::string> aors;
        for (std::size_t i = 0; i < size; ++i) aors.push_back("sip:" + user_name(i) + "@lab.test");
        std::vector<std::uint64_t> versions(size, 0);
        for (auto _ : state) {
            std::vector<location::Change> changes(size);
            for (std::size_t i = 0; i < size; ++i) {
                changes[i].key = aors[i];
                changes[i].record = record.text();
                changes[i].previous = versions[i];
                changes[i].at = now.wall;
            }
            if (store->commit(changes).status != location::CommitStatus::done) state.SkipWithError("commit failed");
            for (std::size_t i = 0; i < size; ++i) versions[i] = changes[i].version;
        }
        state.SetItemsProcessed(state.iterations() * state.range(0));
    }
    std::filesystem::remove_all(name);
}
BENCHMARK(commit_a_batch)->Arg(1)->Arg(30)->Arg(100)->Arg(1'000);

}  // namespace
