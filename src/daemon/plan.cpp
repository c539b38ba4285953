#include "plan.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "muster/admin/codec.hpp"
#include "muster/base/text.hpp"

namespace muster::daemon {
namespace {

namespace json = boost::json;

constexpr std::size_t page_of = 1'000;
constexpr std::size_t most_examples = 10;

/// A key as it stands in a file, and as the table of keys has it.
struct Key {
    std::string name, general, domain;
};

/// The keys below a domain have its name in the middle, which may hold dots.
Key key_from(std::string_view name, const std::set<std::string>& domains) {
    constexpr std::string_view before = "domains.";
    Key key{std::string(name), std::string(name), {}};
    if (!name.starts_with(before)) return key;
    const auto rest = name.substr(before.size());
    for (const auto& domain : domains) {
        if (!rest.starts_with(domain) || rest.substr(domain.size(), 1) != ".") continue;
        key.domain = domain;
        key.general = "domains.*" + std::string(rest.substr(domain.size()));
    }
    return key;
}

/// Every key with another value than before. A listener or a webhook has no line of its own: its list changes.
json::array changes(const config::Places& before, const config::Places& after, const std::set<std::string>& domains) {
    std::set<std::string> names;
    for (const auto* places : {&before, &after})
        for (const auto& [name, value] : places->values)
            if (!value.text.empty()) names.insert(name);
    json::array out;
    for (const auto& name : names) {
        const auto key = key_from(name, domains);
        const auto was = config::setting_of(before, key.general, key.domain);
        const auto is = config::setting_of(after, key.general, key.domain);
        if (was.value == is.value) continue;
        json::object one{
            {"key", admin::utf8(name)}, {"before", admin::utf8(was.value)}, {"after", admin::utf8(is.value)}};
        one["line"] = is.line == 0 ? json::value(nullptr) : json::value(is.line);
        out.push_back(std::move(one));
    }
    return out;
}

/// So many, and the first of them.
struct Concerned {
    std::size_t count = 0;
    json::array examples;

    void add(const json::object& one) {
        if (++count <= most_examples) examples.push_back(one);
    }
};

/// What becomes of the bindings and accounts of one domain.
struct Fate {
    std::size_t accounts = 0, aors = 0, bindings = 0;
    Concerned over_limit, longer_than_max;
    std::size_t without_hash = 0;  ///< accounts that could not answer the first challenge any more
};

std::string domain_of(std::string_view aor) { return std::string(aor.substr(aor.rfind('@') + 1)); }

class Plan {
public:
    Plan(const Daemon& daemon, const config::Config& wanted) : daemon_(daemon), wanted_(wanted) {}

    bool walk(const std::stop_token& stop, base::Progress& progress) {
        progress.total = daemon_.table().aors() + daemon_.accounts().size();
        const auto now = net::read_clocks().mono;
        std::string cursor;
        do {
            if (stop.stop_requested()) return false;
            cursor = daemon_.table().page(cursor, page_of, [&](std::string_view aor, const location::Record& record) {
                ++progress.done;
                add(aor, record, now);
            });
        } while (!cursor.empty());
        do {
            if (stop.stop_requested()) return false;
            cursor = daemon_.accounts().page(cursor, page_of, [&](const auth::Account& account) {
                ++progress.done;
                add(account);
            });
        } while (!cursor.empty());
        return true;
    }

    json::object told() const {
        const auto running = daemon_.settings();
        std::set<std::string> names;
        for (const auto* settings : {&*running, &wanted_.settings})
            for (const auto& [name, domain] : settings->domains) names.insert(name);
        json::array domains, restart;
        for (const auto& key : config::needs_restart(daemon_.config(), wanted_)) restart.push_back(json::value(key));
        bool loses = false;
        for (const auto& name : names) {
            auto one = told_of(name, *running);
            if (one.empty()) continue;
            loses = loses || one.at("loses").as_bool();
            domains.push_back(std::move(one));
        }
        return {{"changed", changes(*daemon_.places(), wanted_.places, names)},
                {"restart", std::move(restart)},
                {"domains", std::move(domains)},
                {"loses", loses}};
    }

private:
    void add(std::string_view aor, const location::Record& record, base::Mono now) {
        location::Bindings bindings;
        record.current(now, bindings);
        if (bindings.empty()) return;
        const auto name = domain_of(aor);
        auto& fate = fates_[name];
        ++fate.aors;
        fate.bindings += bindings.size();
        const auto* domain = wanted_.settings.find(name);
        if (!domain) return;
        const auto limit = domain->policy.contact_limit;
        if (limit != 0 && bindings.size() > limit)
            fate.over_limit.add({{"aor", aor}, {"bindings", bindings.size()}, {"limit", limit}});
        for (const auto& binding : bindings)
            if (binding.seconds_left(now) > domain->policy.max_expires)
                fate.longer_than_max.add(
                    {{"aor", aor}, {"contact", admin::utf8(binding.contact)}, {"expires", binding.seconds_left(now)}});
    }

    void add(const auth::Account& account) {
        auto& fate = fates_[account.realm];
        ++fate.accounts;
        const auto* domain = wanted_.settings.find(account.realm);
        if (!domain) return;
        const auto& offered = domain->digest.algorithms;
        const bool has_one = std::ranges::any_of(
            offered, [&](auth::Algorithm algorithm) { return account.ha1[static_cast<std::size_t>(algorithm)].known; });
        fate.without_hash += !has_one;
    }

    /// Nothing when nothing changes for it.
    json::object told_of(const std::string& name, const core::Settings& running) const {
        const auto* before = running.find(name);
        const auto* after = wanted_.settings.find(name);
        const auto found = fates_.find(name);
        const Fate fate = found == fates_.end() ? Fate{} : found->second;
        if (!before || !after)
            return {{"domain", name},
                    {"fate", before ? "removed" : "added"},
                    {"accounts", fate.accounts},
                    {"aors", fate.aors},
                    {"bindings", fate.bindings},
                    {"loses", before && (fate.accounts > 0 || fate.bindings > 0)}};
        if (fate.over_limit.count == 0 && fate.longer_than_max.count == 0 && fate.without_hash == 0) return {};
        return {{"domain", name},
                {"fate", "stays"},
                {"over_limit", json::object{{"aors", fate.over_limit.count}, {"examples", fate.over_limit.examples}}},
                {"longer_than_max",
                 json::object{{"bindings", fate.longer_than_max.count}, {"examples", fate.longer_than_max.examples}}},
                {"accounts_without_hash", fate.without_hash},
                {"loses", fate.without_hash > 0}};
    }

    const Daemon& daemon_;
    const config::Config& wanted_;
    std::map<std::string, Fate, std::less<>> fates_;
};

}  // namespace

json::object plan_of(const Daemon& daemon, const config::Config& wanted, const std::stop_token& stop,
                     base::Progress& progress) {
    Plan plan(daemon, wanted);
    return plan.walk(stop, progress) ? plan.told() : json::object{};
}

}  // namespace muster::daemon
