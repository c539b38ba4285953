#pragma once
// The one writer on a memory store, with one domain and one account.

#include <gtest/gtest.h>

#include "muster/core/binding_writer.hpp"
#include "muster/store/memory.hpp"

namespace muster::core {
namespace {

using namespace std::chrono_literals;
using location::ChangeKind;
using location::CommitStatus;

struct Feed : CommitFeed {
    std::vector<std::string> heard;  ///< "cause key"
    void announce(std::span<const location::Change> changes) override {
        for (const auto& change : changes)
            heard.push_back(std::string(name_of(change.cause)) + " " + std::string(change.key));
    }
};

/// Asks at its housekeeping of all keys of a kind what the log's trimming would ask.
struct Trimmer : location::Store {
    Trimmer(location::Store& inner, ChangeKind what) : store(inner), kind(what) {}
    void load(const std::function<void(const location::Stored&)>& sink) override { store.load(sink); }
    location::CommitResult commit(std::span<location::Change> changes) override { return store.commit(changes); }
    void watch(std::function<void(const location::Stored&)>) override {}
    bool maintain(base::Now, const location::IsCurrent& is_current, const location::Exists& exists) override {
        store.load([&](const location::Stored& stored) {
            kept += stored.kind == kind && exists(stored.kind, stored.key) &&
                    is_current(stored.kind, stored.key, stored.version) &&
                    !is_current(stored.kind, stored.key, stored.version - 1);
        });
        return exists(kind, "no such key");
    }
    location::Store& store;
    const ChangeKind kind;
    int kept = 0;
};

class Writer : public testing::Test {
protected:
    Writer() {
        auto made = std::make_shared<Settings>();
        made->served.add("example.com", "example.com");
        made->domains["example.com"].policy.domain = "example.com";
        settings = made;
        start();
        add_account("sip:alice@example.com");
    }

    void start() {
        table = std::make_unique<location::Table>(1);
        accounts = std::make_unique<auth::Accounts>(2);
        auto never = [](const location::Binding&) { return false; };
        writer = std::make_unique<BindingWriter>(*store, *table, *accounts, never, &feed);
        writer->load(now);
        feed.heard.clear();
    }

    JobPtr job(decltype(Job::what) what) {
        auto made = std::make_unique<Job>();
        made->settings = settings;
        made->what = std::move(what);
        return made;
    }
    JobPtr edit(std::string contact, std::uint32_t interval = 600) {
        return job(BindingsEdit{"sip:alice@example.com", std::move(contact), interval, false});
    }
    JobPtr put(std::string aor, bool must_be_new = false) {
        auto user = aor.substr(4, aor.find('@') - 4);
        return job(AccountsPut{{auth::make_account(std::move(aor), user, "example.com", "secret")}, must_be_new});
    }
    JobPtr add(const std::string& user, std::string username, std::vector<std::string> aliases = {}) {
        auto account = auth::make_account("sip:" + user + "@example.com", std::move(username), "example.com", "secret");
        account.aliases = std::move(aliases);
        return job(AccountsPut{{std::move(account)}, true});
    }
    /// `contact` must outlive the job.
    JobPtr registers(std::string_view contact, std::uint32_t cseq, std::string_view call_id = "phone") {
        RegisterJob mine;
        mine.domain = settings->find("example.com");
        mine.request.aor = "sip:alice@example.com";
        mine.request.intent = registrar::Intent::update;
        mine.request.call_id = call_id;
        mine.request.cseq = cseq;
        mine.request.expires = 600;
        mine.request.contacts.emplace_back().uri = sip::parse_uri(contact).value_or(sip::Uri{});
        return job(std::move(mine));
    }

    template <class... Jobs>
    std::vector<JobPtr> run(Jobs... jobs) {
        std::vector<JobPtr> batch;
        (batch.push_back(std::move(jobs)), ...);
        writer->run_batch(batch, now);
        return batch;
    }
    /// Status of the answer to one job alone.
    int status(JobPtr one) { return status_of(*run(std::move(one))[0]); }
    static int status_of(const Job& job) { return job.reject ? job.reject->status : 200; }

    void add_account(std::string aor) { run(put(std::move(aor))); }
    void passes(base::Milliseconds span) {
        now.mono += span;
        now.wall += span;
    }

    /// "contact/seconds left" of what lookups find.
    std::vector<std::string> bindings(const std::string& aor = "sip:alice@example.com") const {
        std::vector<std::string> lines;
        auto record = table->find(aor);
        if (!record) return lines;
        location::Bindings all;
        record->current(now.mono, all);
        for (const auto& b : all)
            lines.push_back(std::string(b.contact) + "/" + std::to_string(b.seconds_left(now.mono)));
        return lines;
    }
    using Lines = std::vector<std::string>;

    base::Now now{base::Mono(1000s), base::Wall(1'000'000s)};
    std::shared_ptr<const Settings> settings;
    std::unique_ptr<store::MemoryStore> store = store::open_memory();
    Feed feed;
    std::unique_ptr<location::Table> table;
    std::unique_ptr<auth::Accounts> accounts;
    std::unique_ptr<BindingWriter> writer;
};

constexpr auto alice = "sip:alice@example.com";

}  // namespace
}  // namespace muster::core
