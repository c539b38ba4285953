// What is remembered of a request, for whoever asks why it was answered so.

#include "muster/core/explained.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "forward.hpp"

namespace muster::core {
namespace {

constexpr unsigned worker_bits = 8, part_bits = 2;

Explanations::Part part_of(Shown shown, bool is_refused) {
    if (shown == Shown::nothing) return Explanations::Part::strangers;
    if (shown == Shown::guess) return Explanations::Part::guesses;
    return is_refused ? Explanations::Part::refused : Explanations::Part::accepted;
}

std::string_view head_of(const sip::Message& message) {
    return message.bytes.substr(0, std::min(message.bytes.size() - message.body.size(), Explained::most_bytes));
}

void clear(Explained& kept, const base::Flow& flow, base::Now now) {
    kept.at = now;
    kept.flow = flow;
    kept.is_sent = true;
    kept.is_changed = false;
    kept.status = 0;
    kept.reason = {};
    kept.detail.clear();
    kept.aor.clear();
    kept.before = {};
    kept.after = {};
    kept.evicted.clear();
}

void append_fields(std::string& out, const base::Reject& reject) {
    for (const auto& [name, value] : reject.headers)
        out.append(out.empty() ? "" : ", ").append(name).append(": ").append(value);
}

/// A large record is not held for as long as it takes until its turn comes.
location::Record kept_record(std::optional<location::Record>& record) {
    if (!record || record->text().size() > Explained::most_bytes) return {};
    return *std::exchange(record, std::nullopt);
}

std::string_view cut(std::string_view text) { return text.substr(0, Explained::most_of_contact); }

/// Writes the contacts of a look-up over those that were there, so that their memory is used again.
class Contacts {
public:
    explicit Contacts(Explained& kept) : contacts_(kept.contacts) {}
    ~Contacts() { contacts_.resize(used_); }
    Contacts(const Contacts&) = delete;
    Contacts& operator=(const Contacts&) = delete;

    void add(std::string_view uri, const std::optional<base::Flow>& flow, std::string_view route, std::uint16_t q,
             std::string_view why = {}) {
        if (used_ == Explained::most_contacts) return;
        if (used_ == contacts_.size()) contacts_.emplace_back();
        auto& contact = contacts_[used_++];
        contact.uri = cut(uri);
        contact.way.clear();
        contact.q = q;
        contact.why = why;
        if (flow) {
            contact.way.append(base::lower_name(flow->transport)).append(":");
            flow->remote.append_text(contact.way);
        } else if (!route.empty()) {
            contact.way.append("Path ").append(cut(route));
        }
    }

private:
    std::vector<Explained::Contact>& contacts_;
    std::size_t used_ = 0;
};

/// What is remembered costs no answer when memory has run out.
template <class Work>
void if_there_is_room(Work work) {
    try {
        work();
    } catch (const std::bad_alloc&) {
    }
}

}  // namespace

Explained& Explanations::add(Part part) {
    auto& ring = rings_[static_cast<std::size_t>(part)];
    const auto place = ring.count % size_;
    if (place == ring.kept.size()) ring.kept.emplace_back();
    auto& kept = ring.kept[place];
    kept.id = (++ring.count << part_bits | static_cast<std::uint64_t>(part)) << worker_bits | worker_;
    return kept;
}

Explained* Explanations::find(std::uint64_t id) {
    if (!is_on() || id == 0) return nullptr;
    auto& ring = rings_[id >> worker_bits & (parts - 1)];
    const auto place = ((id >> worker_bits >> part_bits) - 1) % size_;
    return place < ring.kept.size() && ring.kept[place].id == id ? &ring.kept[place] : nullptr;
}

void Explanations::each(const std::function<bool(const Explained&)>& sink) const {
    for (const auto& ring : rings_)
        for (std::uint64_t back = 1; back <= ring.kept.size(); ++back)
            if (!sink(ring.kept[(ring.count - back) % size_])) break;
}

/// A request that was answered here.
void Core::explain(const Arrival& arrival, const Verdict& verdict) {
    if (!explanations_.is_on()) return;
    if_there_is_room([&] {
        auto& kept = explanations_.add(part_of(arrival.shown, verdict.status >= 400));
        clear(kept, arrival.flow, arrival.now);
        kept.method = arrival.message.method;
        kept.shown = arrival.shown;
        kept.is_sent = verdict.is_sent;
        kept.status = verdict.status;
        kept.reason = verdict.reason;
        kept.rule = verdict.rule;
        kept.request = head_of(arrival.message);
        if (verdict.reject) append_fields(kept.detail, *verdict.reject);
        if (arrival.is_looked_up)
            explain_look_up(kept);
        else
            kept.contacts.clear();
        tell_watchers(kept, &arrival.message, arrival.out);
    });
}

/// A REGISTER that came as far as the writer, or needed none. The texts and records of the job are taken over.
void Core::explain(Job& job, Moment at) {
    if (!explanations_.is_on()) return;
    if_there_is_room([&] {
        auto& mine = std::get<RegisterJob>(job.what);
        auto& kept = explanations_.add(part_of(mine.shown, job.reject.has_value()));
        clear(kept, mine.flow, at.now);
        kept.method = sip::Method::register_;
        kept.shown = mine.shown;
        kept.status = job.reject ? job.reject->status : 200;
        kept.reason = job.reject ? job.reject->reason : std::string_view("OK");
        kept.rule = job.reject ? job.reject->rule : job.rule;
        kept.is_changed = job.changed;
        kept.aor = mine.request.aor;
        if (job.reject)
            append_fields(kept.detail, *job.reject);
        else
            kept.after = kept_record(job.record);
        kept.before = kept_record(job.before);
        kept.evicted.swap(job.evicted);
        kept.contacts.clear();
        if (mine.bytes.capacity() <= Explained::most_bytes)
            kept.request.swap(mine.bytes);
        else
            kept.request.assign(mine.bytes, 0, Explained::most_bytes);
        tell_watchers(kept, nullptr, at.out);
    });
}

/// A request outside a dialog that is passed on.
void Core::explain_forward(const Arrival& arrival, Forward& forward) {
    if (!explanations_.is_on() || forward.is_within || forward.method == sip::Method::ack) return;
    if_there_is_room([&] {
        auto& kept = explanations_.add(part_of(arrival.shown, false));
        clear(kept, arrival.flow, arrival.now);
        kept.method = forward.method;
        kept.shown = arrival.shown;
        kept.rule = "RFC 3261 s16.6";
        kept.request = head_of(arrival.message);
        if (arrival.is_looked_up) {
            explain_look_up(kept);
        } else {
            Contacts contacts(kept);
            for (const auto& branch : forward.branches) contacts.add(branch.contact, branch.bound, branch.route, 1000);
        }
        forward.explained = kept.id;
    });
}

/// Whoever has sent it has its final response.
void Core::explain_final(const Forward& forward, Moment at) {
    auto* kept = explanations_.find(forward.explained);
    if (!kept) return;
    kept->status = forward.status;
    if_there_is_room([&] { tell_watchers(*kept, nullptr, at.out); });
}

void Core::explain_look_up(Explained& kept) const {
    kept.aor = forwards_->looked_up;
    Contacts contacts(kept);
    for (const auto& target : forwards_->set.targets) contacts.add(target.uri, target.flow, target.route, target.q);
    for (const auto& [contact, why] : forwards_->left_out) contacts.add(contact, {}, {}, 1000, why);
}

/// Those who watch the address-of-record of a REGISTER, or of whoever is called.
void Core::tell_watchers(Explained& kept, const sip::Message* request, Outbox& out) {
    if (!shared_.is_watched || !shared_.is_watched({})) return;
    if (kept.aor.empty() && request) {
        const auto& uri = request->method == sip::Method::register_ ? request->to.uri : request->request_uri;
        if (const auto account = account_of(uri, {})) kept.aor = account->aor;
    }
    if (!kept.aor.empty() && shared_.is_watched(kept.aor)) out.explained.push_back(kept);
}

}  // namespace muster::core
