#include "domains.hpp"

#include <map>

namespace muster::config {
namespace {

void read_aliases(const std::string& domain, const Section& section, std::map<std::string, std::string>& names,
                  Faults& faults) {
    for (const auto& item : section.list("aliases")) {
        auto alias = read_host(item.Scalar()).value_or("");
        auto [owner, fresh] = names.emplace(alias, domain);
        if (!fresh && owner->second != domain)
            faults.add(item, "domains." + domain + ".aliases: " + alias + " already means " + owner->second +
                                 "; expected a name of this domain alone");
    }
}

void read_extensions(const Section& section, registrar::Policy& policy) {
    policy.path = section.choice<registrar::PathRule>("path");
    policy.outbound = section.choice<registrar::Outbound>("outbound");
    if (section.has("flow_timer"))
        policy.flow_timer = static_cast<std::uint32_t>(section.duration("flow_timer").count());
    for (const auto& item : section.list("service_route"))
        policy.service_route.append(policy.service_route.empty() ? "<" : ", <").append(item.Scalar()).append(">");
}

void read_expires(const std::string& domain, const Section& expires, registrar::Policy& policy, Faults& faults) {
    auto seconds = [&](std::string_view key) { return static_cast<std::uint32_t>(expires.duration(key).count()); };
    policy.min_expires = seconds("min");
    policy.default_expires = seconds("default");
    policy.max_expires = seconds("max");
    auto disorder = [&](std::string_view low, std::string_view high) {
        // Blame what was written; at least one of them was.
        auto place = expires.node(expires.has(high) ? high : low);
        faults.add(place, "domains." + domain + ".expires: " + std::string(low) + " " + expires.text(low) +
                              " is above " + std::string(high) + " " + expires.text(high) +
                              "; expected min <= default <= max");
    };
    if (policy.min_expires > policy.max_expires) return disorder("min", "max");
    if (!expires.has("default"))
        policy.default_expires = std::clamp(policy.default_expires, policy.min_expires, policy.max_expires);
    if (policy.min_expires > policy.default_expires) disorder("min", "default");
    if (policy.default_expires > policy.max_expires) disorder("default", "max");
}

void read_auth(const std::string& domain, const Section& auth, auth::DigestSettings& digest, Faults& faults) {
    digest.nonce_life = auth.duration("nonce_life");
    auto written = auth.node("algorithms");
    if (!written.IsSequence()) return;  // the default of DigestSettings
    std::string path = "domains." + domain + ".auth.algorithms";
    if (written.size() == 0) faults.add(written, path + " is empty; expected at least one algorithm");
    digest.algorithms.clear();
    for (const auto& item : auth.list("algorithms")) {
        auto algorithm = auth::algorithm_from(item.Scalar());
        if (!algorithm) continue;
        if (std::ranges::count(digest.algorithms, *algorithm) != 0)
            faults.add(item, path + ": " + item.Scalar() + " stands twice; expected once");
        digest.algorithms.push_back(*algorithm);
    }
}

core::Domain read_domain(const std::string& name, const Section& section, Faults& faults) {
    core::Domain domain;
    domain.policy.domain = name;
    domain.digest.realm = name;
    read_expires(name, section.section("expires"), domain.policy, faults);
    auto contacts = section.section("contacts");
    domain.policy.contact_limit = contacts.count("limit");
    domain.policy.when_full = contacts.choice<registrar::WhenFull>("when_full");
    domain.policy.flow_lost = section.choice<registrar::FlowLost>("flow_lost");
    read_auth(name, section.section("auth"), domain.digest, faults);
    domain.lookup = section.choice<core::Lookup>("lookup");
    domain.accounts = section.count("accounts");
    domain.ring_time = section.duration("ring_time");
    domain.nat_ping = section.duration("nat_ping");
    domain.inbound = section.choice<core::Inbound>("inbound");
    if (domain.lookup == core::Lookup::redirect && !section.has("inbound")) domain.inbound = core::Inbound::trusted;
    for (const auto& item : section.list("trusted"))
        if (auto network = base::Network::parse(item.Scalar())) domain.policy.trusted.push_back(*network);
    read_extensions(section, domain.policy);
    // What a GRUU promises only a proxy can keep: a 302 would tell the contact behind it.
    domain.policy.gruu = section.text("gruu") == "on" && domain.lookup == core::Lookup::proxy;
    return domain;
}

}  // namespace

void read_domains(const Section& top, core::Settings& settings, Faults& faults) {
    auto node = top.node("domains");
    if (!top.written("domains")) {
        faults.add(top.whole(),
                   "domains is missing; expected at least one domain, e.g. \"domains: {example.com: {}}\"");
        return;
    }
    if (!node.IsMap()) return;
    if (node.size() == 0) faults.add(node, "domains is empty; expected at least one domain");
    std::map<std::string, std::string> names;  // host to the domain it means
    std::vector<std::pair<std::string, Section>> all;
    for (const auto& [name_node, value] : entries(node)) {
        auto name = name_node.IsScalar() ? read_host(name_node.Scalar()) : std::nullopt;
        if (!name || !names.emplace(*name, *name).second) continue;
        all.emplace_back(*name, Section(value, top.section("domains").table().inside.front()));
    }
    for (const auto& [name, section] : all) {
        read_aliases(name, section, names, faults);
        settings.domains.emplace(name, read_domain(name, section, faults));
    }
    for (const auto& [host, domain] : names) settings.served.add(host, domain);
}

}  // namespace muster::config
