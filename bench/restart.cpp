// How long a start takes from a database of a given shape, and what a change costs in the steady state of that shape.
//     bench_restart make FILE bindings accounts log_rows    a database as the daemon leaves it
//     bench_restart start FILE                               open and load it into the tables
//     bench_restart steady FILE bindings log_rows batch changes
//                                                            refreshes at random with trimming and checkpoints

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "muster/core/binding_writer.hpp"
#include "muster/store/sqlite.hpp"

namespace {

using namespace muster;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    auto of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

base::Now now() {
    using std::chrono::duration_cast;
    return {base::Mono(duration_cast<base::Milliseconds>(Clock::now().time_since_epoch())),
            base::Wall(duration_cast<base::Milliseconds>(std::chrono::system_clock::now().time_since_epoch()))};
}

std::string aor(std::size_t i) { return "sip:u" + std::to_string(i) + "@lab.test"; }

/// The text of a record with one binding, as a phone makes it that registers for an hour.
std::string record_of(std::size_t i, std::uint32_t cseq) {
    const auto contact = "sip:u" + std::to_string(i) + "@127.0.0.1:40000";
    const auto call_id = std::to_string(i * 2'654'435'761U) + "@127.0.0.1";
    base::Flow flow;
    flow.remote = base::Address::v4(127, 0, 0, 1, 40'000);
    flow.local = base::Address::v4(127, 0, 0, 1, 5060);
    std::string text =
        "1\x1e"
        "3600000\x1f"
        "3600\x1f\x1f";
    text += std::to_string(cseq) +
            "\x1f"
            "0\x1f"
            "0\x1f" +
            contact + "\x1f\x1f" + call_id +
            "\x1f\x1f\x1f"
            "bench phone 1.0\x1f";
    return text + flow.encode();
}

/// The tables of a daemon and the writer over one database.
struct Lab {
    explicit Lab(const std::string& path)
        : store(store::open_sqlite({.path = path})),
          table(7),
          accounts(8),
          writer(*store, table, accounts, [](const location::Binding&) { return false; }) {}

    std::unique_ptr<location::Store> store;
    location::Table table;
    auth::Accounts accounts;
    core::BindingWriter writer;
};

/// Commits straight to the store what the writer would, and keeps what maintain() asks for.
class Phones {
public:
    Phones(location::Store& store, std::size_t count) : store_(store), versions_(count, 0) {}

    void load() {
        store_.load([this](const location::Stored& stored) {
            if (stored.kind == location::ChangeKind::bindings) versions_.at(number(stored.key)) = stored.version;
        });
    }
    void refresh(std::span<const std::size_t> which, std::uint32_t cseq) {
        const auto began = cpu_seconds();
        std::vector<std::string> texts;
        for (auto i : which) texts.push_back(aor(i)), texts.push_back(record_of(i, cseq));
        std::vector<location::Change> changes(which.size());
        for (std::size_t i = 0; i < which.size(); ++i) {
            changes[i].key = texts[2 * i];
            changes[i].record = texts[2 * i + 1];
            changes[i].previous = versions_[which[i]];
            changes[i].at = now().wall;
        }
        const auto before = cpu_seconds();
        making_cpu += before - began;
        if (store_.commit(changes).status != location::CommitStatus::done) throw std::runtime_error("commit failed");
        commit_cpu += cpu_seconds() - before;
        for (std::size_t i = 0; i < which.size(); ++i) versions_[which[i]] = changes[i].version;
    }
    bool maintain() {
        return store_.maintain(
            now(),
            [this](location::ChangeKind kind, std::string_view key, std::uint64_t version) {
                return kind != location::ChangeKind::bindings || versions_[number(key)] == version;
            },
            [](location::ChangeKind, std::string_view) { return true; });
    }
    double commit_cpu = 0, making_cpu = 0;  ///< seconds

private:
    static std::size_t number(std::string_view key) {
        return std::stoul(std::string(key.substr(5, key.find('@') - 5)));
    }
    location::Store& store_;
    std::vector<std::uint64_t> versions_;
};

void make(const std::string& path, std::size_t bindings, std::size_t accounts, std::size_t log_rows) {
    auto store = store::open_sqlite({.path = path, .log = {.rows = log_rows, .per_binding = 0}});
    store->load([](const location::Stored&) {});
    for (std::size_t i = 0; i < accounts;) {
        std::vector<std::string> texts;
        for (int n = 0; n < 1'000 && i < accounts; ++n, ++i)
            texts.push_back(aor(i)), texts.push_back(auth::encode(
                                         auth::make_account(aor(i), "u" + std::to_string(i), "lab.test", "secret")));
        std::vector<location::Change> changes(texts.size() / 2);
        for (std::size_t n = 0; n < changes.size(); ++n) {
            changes[n].kind = location::ChangeKind::account;
            changes[n].cause = location::Cause::account;
            changes[n].key = texts[2 * n];
            changes[n].record = texts[2 * n + 1];
            changes[n].at = now().wall;
        }
        if (store->commit(changes).status != location::CommitStatus::done) throw std::runtime_error("commit failed");
    }
    Phones phones(*store, bindings);
    std::mt19937_64 engine(1);
    std::vector<std::size_t> order(bindings);
    for (std::size_t i = 0; i < bindings; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), engine);
    for (std::size_t done = 0; done < std::max(bindings, log_rows); done += 1'000) {
        std::vector<std::size_t> which;
        for (std::size_t i = done; i < done + 1'000; ++i)
            which.push_back(i < bindings ? order[i] : engine() % bindings);
        phones.refresh(which, static_cast<std::uint32_t>(done / bindings + 1));
        while (phones.maintain()) {
        }
    }
}

void start(const std::string& path) {
    const auto cpu = cpu_seconds();
    const auto began = Clock::now();
    Lab lab(path);
    const auto opened = seconds_since(began), opened_cpu = cpu_seconds() - cpu;
    lab.writer.load(now());
    std::printf("open %.3f s (%.3f CPU)  all %.3f s (%.3f CPU)  %zu AORs, %zu bindings, %zu accounts\n", opened,
                opened_cpu, seconds_since(began), cpu_seconds() - cpu, lab.table.aors(), lab.table.bindings(),
                lab.accounts.size());
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::printf("largest resident size %ld MB\n", usage.ru_maxrss / 1024);
    std::fflush(stdout);
    std::_Exit(0);  // tearing down a million records is no part of it
}

/// Refreshes in batches, each followed by a step of housekeeping, as the writer does under load.
void steady(const std::string& path, std::size_t bindings, std::size_t log_rows, std::size_t batch,
            std::size_t changes) {
    auto store = store::open_sqlite({.path = path, .log = {.rows = log_rows, .per_binding = 0}});
    Phones phones(*store, bindings);
    phones.load();
    std::mt19937_64 engine(2);
    const auto cpu = cpu_seconds();
    const auto began = Clock::now();
    for (std::size_t done = 0; done < changes; done += batch) {
        std::vector<std::size_t> which(batch);
        for (auto& i : which) i = engine() % bindings;
        phones.refresh(which, static_cast<std::uint32_t>(done));
        phones.maintain();
    }
    const auto each = 1e6 / static_cast<double>(changes);
    std::printf("batch %zu: commit %.2f us, with housekeeping and checkpoints %.2f us CPU a change, %.2f us wall\n",
                batch, phones.commit_cpu * each, (cpu_seconds() - cpu - phones.making_cpu) * each,
                seconds_since(began) * each);
}

}  // namespace

int main(int count, char** words) {
    auto number = [&](int i) { return i < count ? std::stoul(words[i]) : 0; };
    const std::string_view what = count > 2 ? words[1] : "";
    if (what == "make")
        make(words[2], number(3), number(4), number(5));
    else if (what == "start")
        start(words[2]);
    else if (what == "steady")
        steady(words[2], number(3), number(4), number(5), number(6));
    else
        return std::fprintf(stderr, "usage: bench_restart make|start|steady FILE ...\n"), 2;
}
