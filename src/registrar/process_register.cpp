// Steps 6 and 7 of RFC 3261 s10.3: what becomes of the bindings. Evaluated on a copy, all or nothing.

#include <algorithm>

#include "bindings.hpp"
#include "muster/base/text.hpp"
#include "muster/registrar/register.hpp"

namespace muster::registrar {
namespace {

using location::Binding;

Decision refuse(base::Reject reject) {
    Decision decision;
    decision.rule = reject.rule;
    decision.reject = std::move(reject);
    return decision;
}

base::Reject with_warning(int status, std::string_view reason, std::string_view rule, const std::string& text) {
    return {status, reason, rule, {{"Warning", "399 muster \"" + text + "\""}}};
}

base::Reject out_of_order() {
    return with_warning(500, "CSeq Out of Order", "RFC 3261 s10.3 step 7: CSeq not higher", "CSeq out of order");
}

base::Reject limit_reached(std::string_view rule) {
    // Neither 403, which phones read as a wrong password, nor Retry-After, which would silence an edge proxy.
    return with_warning(503, "Too Many Contacts", rule, "contact limit of this address-of-record reached");
}

/// What a contact asks for, after the policy: seconds, 0 to remove.
base::Result<std::uint32_t> granted(const ContactRequest& contact, const Request& request, const Policy& policy) {
    auto asked = contact.expires.value_or(request.expires.value_or(policy.default_expires));
    if (asked == 0) return asked;
    if (asked < policy.min_expires && asked < 3600)
        return base::Reject{
            423, "Interval Too Brief", "expires.min", {{"Min-Expires", std::to_string(policy.min_expires)}}};
    return std::clamp(asked, std::min(policy.min_expires, policy.max_expires), policy.max_expires);
}

/// The set under change. `touched` marks what this request set: it is never evicted, and counts as matched once.
struct Entry {
    Binding binding;
    bool touched = false;
    bool is_new = false;
    bool removed = false;
};

constexpr std::size_t few = 4;  // contacts that need no memory of the heap

class Update {
public:
    Update(const Request& request, const Policy& policy, const IsDead& is_dead, std::uint64_t new_epoch, base::Now now)
        : request_(request), policy_(policy), is_dead_(is_dead), new_epoch_(new_epoch), now_(now) {}

    Decision run(const location::Record* current) {
        for (const auto& binding : current_bindings(current, now_.mono))
            entries_.push_back({binding, false, false, false});
        boost::container::small_vector<std::uint32_t, few> intervals;
        for (const auto& contact : request_.contacts) {
            auto interval = granted(contact, request_, policy_);
            if (!interval) return refuse(std::move(interval.reject()));
            intervals.push_back(*interval);
        }
        for (std::size_t i = 0; i < intervals.size(); ++i)
            if (auto reject = apply(request_.contacts[i], intervals[i])) return refuse(std::move(*reject));
        if (auto reject = make_room()) return refuse(std::move(*reject));
        if (too_large()) return refuse({513, "Message Too Large", "the answer must fit one datagram"});
        return finished();
    }

private:
    bool matches(const Binding& binding, const ContactRequest& contact) const {
        if (contact.reg_id != 0)
            return binding.reg_id == contact.reg_id && base::iequals(binding.instance_id, contact.instance_id);
        if (binding.reg_id != 0) return false;
        return same_contact(binding.contact, contact.uri);
    }

    bool same_instance(const Binding& binding, const ContactRequest& contact) const {
        return !contact.instance_id.empty() && base::iequals(binding.instance_id, contact.instance_id);
    }

    /// The rule of step 7 that keeps late REGISTERs from undoing newer ones. It is judged on what was stored before
    /// this request, so two contacts of one request do not disturb each other.
    bool out_of_order_with(const Entry& entry) const {
        return !entry.touched && entry.binding.call_id == request_.call_id && request_.cseq <= entry.binding.cseq;
    }

    base::Check apply(const ContactRequest& contact, std::uint32_t interval) {
        // URI equality is not transitive: a contact may match several bindings. It replaces them all, by one.
        boost::container::small_vector<std::size_t, few> matched;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            bool match = matches(entries_[i].binding, contact);
            bool concerned = match || (contact.reg_id == 0 && same_instance(entries_[i].binding, contact));
            if (concerned && out_of_order_with(entries_[i])) return out_of_order();
            if (match) matched.push_back(i);
        }
        const auto epoch = epoch_for(contact);
        for (auto i : matched) {
            entries_[i].removed = true;
            entries_[i].touched = true;
        }
        if (interval == 0) return {};
        if (matched.empty()) {
            matched.push_back(entries_.size());
            entries_.push_back({{}, true, true, false});
        }
        auto& entry = entries_[matched.front()];
        entry.removed = false;
        entry.binding = binding_of(contact, interval);
        if (epoch != 0)
            for (auto& other : entries_)
                if (same_instance(other.binding, contact)) other.binding.gruu_epoch = epoch;
        if (contact.reg_id == 0) drop_former_self(contact, entry);
        return {};
    }

    /// The epoch of all bindings of the instance from here on: another one when it has restarted, so that no temporary
    /// GRUU of before is valid any more (RFC 5627 s5.1). 0 for one that has never asked for GRUUs.
    std::uint64_t epoch_for(const ContactRequest& contact) const {
        if (contact.instance_id.empty()) return 0;
        std::uint64_t epoch = 0;
        bool restarted = false;
        for (const auto& [binding, touched, is_new, removed] : entries_) {
            if (!same_instance(binding, contact)) continue;
            epoch = std::max(epoch, binding.gruu_epoch);
            const bool same_flow = contact.reg_id == 0 || binding.reg_id == contact.reg_id;
            restarted = restarted || (same_flow && !touched && binding.call_id != request_.call_id);
        }
        if (epoch == 0 ? !request_.gruu : !restarted) return epoch;
        return std::max(epoch + 1, new_epoch_);  // the clock may have been set back
    }

    /// One binding per instance: a device that comes back with another Call-ID has restarted, and what it left behind
    /// is gone.
    void drop_former_self(const ContactRequest& contact, const Entry& self) {
        for (auto& entry : entries_) {
            if (&entry == &self || entry.touched || !same_instance(entry.binding, contact)) continue;
            if (entry.binding.call_id != request_.call_id) entry.removed = true;
        }
    }

    Binding binding_of(const ContactRequest& contact, std::uint32_t interval) const {
        Binding binding;
        binding.contact = contact.uri.text;
        binding.params = contact.params;
        binding.call_id = request_.call_id;
        binding.instance_id = contact.instance_id;
        binding.path = request_.path;
        binding.user_agent = request_.user_agent;
        binding.flow = request_.flow;
        binding.cseq = request_.cseq;
        binding.reg_id = contact.reg_id;
        binding.interval = interval;
        binding.q = contact.q;
        binding.has_q = contact.has_q;
        binding.expires_at = now_.mono + base::Seconds(interval);
        binding.updated_at = now_.mono;
        return binding;
    }

    /// Contacts that count: all, but the flows of one Outbound instance as one.
    std::size_t counted() const {
        std::size_t count = 0;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (entries_[i].removed) continue;
            bool first = true;
            for (std::size_t j = 0; j < i && first; ++j)
                first = entries_[j].removed || !same_device(entries_[i], entries_[j]);
            if (first) ++count;
        }
        return count;
    }

    static bool same_device(const Entry& a, const Entry& b) {
        return a.binding.reg_id != 0 && b.binding.reg_id != 0 &&
               base::iequals(a.binding.instance_id, b.binding.instance_id);
    }

    bool too_many_flows() const {
        constexpr std::size_t flows_per_instance = 4;
        for (const auto& entry : entries_) {
            if (!entry.is_new || entry.removed || entry.binding.reg_id == 0) continue;
            auto flows = std::count_if(entries_.begin(), entries_.end(),
                                       [&](const Entry& other) { return !other.removed && same_device(entry, other); });
            if (static_cast<std::size_t>(flows) > flows_per_instance) return true;
        }
        return false;
    }

    void evict(Entry& entry) {
        entry.removed = true;
        evicted_.emplace_back(entry.binding.contact);
    }

    bool over_limit() const { return policy_.contact_limit != 0 && counted() > policy_.contact_limit; }

    /// The contact limit, on what would result. A refresh never fails on it, even when the limit was lowered.
    base::Check make_room() {
        bool adds =
            std::any_of(entries_.begin(), entries_.end(), [](const Entry& e) { return e.is_new && !e.removed; });
        if (!adds) return {};
        if (too_many_flows()) return limit_reached("RFC 5626 s4.2: four flows of a device");
        if (policy_.when_full == WhenFull::single) replace_all();
        if (policy_.when_full == WhenFull::replace_dead || policy_.when_full == WhenFull::replace_oldest) {
            while (over_limit()) {
                auto* victim = oldest(policy_.when_full == WhenFull::replace_dead);
                if (!victim) break;
                evict(*victim);
            }
        }
        return over_limit() ? base::Check(limit_reached("contacts.limit")) : base::Check();
    }

    /// WhenFull::single: the new device is the only one; its own other flows stay.
    void replace_all() {
        for (auto& entry : entries_) {
            if (entry.touched || entry.removed) continue;
            bool own = std::any_of(entries_.begin(), entries_.end(),
                                   [&](const Entry& other) { return other.is_new && same_device(entry, other); });
            if (!own) evict(entry);
        }
    }

    Entry* oldest(bool dead_only) {
        Entry* found = nullptr;
        for (auto& entry : entries_) {
            if (entry.touched || entry.removed) continue;
            if (dead_only && !is_dead_(entry.binding)) continue;
            if (!found || entry.binding.updated_at < found->binding.updated_at) found = &entry;
        }
        return found;
    }

    /// Every answer lists all bindings and must fit one datagram, or it could never be sent. And all that is kept of an
    /// address-of-record counts, so that what a user may make the server keep has a limit.
    bool too_large() const {
        constexpr std::size_t room = 60'000;     // of the 65,507 bytes of a datagram
        constexpr std::size_t around_each = 64;  // name, brackets, q and expires of a Contact field
        // Both GRUUs: the names of the parameters, a seal, and the AOR and the instance with escapes.
        const auto gruus = [&](const Binding& binding) {
            return binding.instance_id.empty() ? 0 : 160 + 4 * request_.aor.size() + 3 * binding.instance_id.size();
        };
        std::size_t size = 0;
        for (const auto& [binding, touched, is_new, removed] : entries_)
            if (!removed)
                size += binding.contact.size() + binding.params.size() + binding.path.size() + binding.call_id.size() +
                        binding.user_agent.size() + binding.instance_id.size() + (policy_.gruu ? gruus(binding) : 0) +
                        around_each;
        return size > room;
    }

    Decision finished() {
        Decision decision;
        bool added = false;
        for (const auto& entry : entries_) {
            if (!entry.removed) decision.bindings.push_back(entry.binding);
            // Added and removed again within one request is no change.
            decision.changed = decision.changed || (entry.removed ? !entry.is_new : entry.touched);
            added = added || (entry.touched && !entry.removed);
        }
        decision.cause = added ? location::Cause::registered : location::Cause::unregistered;
        decision.rule = "RFC 3261 s10.3 step 7";
        decision.evicted = std::move(evicted_);
        return decision;
    }

    const Request& request_;
    const Policy& policy_;
    const IsDead& is_dead_;
    std::uint64_t new_epoch_;
    base::Now now_;
    boost::container::small_vector<Entry, few> entries_;
    std::vector<std::string> evicted_;
};

Decision remove_all(const Request& request, const location::Record* current, base::Now now) {
    Decision decision;
    decision.rule = "RFC 3261 s10.3 step 6";
    decision.cause = location::Cause::unregistered;
    for (const auto& binding : current_bindings(current, now.mono)) {
        if (binding.call_id == request.call_id && request.cseq <= binding.cseq) return refuse(out_of_order());
        decision.changed = true;
    }
    return decision;
}

}  // namespace

Decision process_register(const Request& request, const location::Record* current, const Policy& policy,
                          const IsDead& is_dead, std::uint64_t new_epoch, base::Now now) {
    if (request.intent == Intent::remove_all) return remove_all(request, current, now);
    return Update(request, policy, is_dead, new_epoch, now).run(current);
}

}  // namespace muster::registrar
