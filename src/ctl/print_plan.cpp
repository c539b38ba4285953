#include "print_plan.hpp"

#include <boost/json.hpp>

#include "muster/base/text.hpp"

namespace muster::ctl {
namespace {

namespace json = boost::json;

std::string text_of(const json::value& value) {
    if (value.is_string()) return base::printable(std::string_view(value.get_string()), 200);
    return value.is_null() ? "-" : json::serialize(value);
}

std::string quoted(const json::value& value) { return value.get_string().empty() ? "nothing" : text_of(value); }

void append_examples(std::string& out, const json::object& concerned, std::string_view also) {
    for (const auto& one : concerned.at("examples").as_array())
        out.append("    ").append(text_of(one.at("aor"))).append(" (").append(text_of(one.at(also))).append(")\n");
}

void append_domain(std::string& out, const json::object& domain) {
    const auto name = text_of(domain.at("domain")), fate = text_of(domain.at("fate"));
    if (fate == "added") {
        out.append("domain ").append(name).append(" is new\n");
    } else if (fate == "removed") {
        out.append("domain ").append(name).append(" is served no more: ").append(text_of(domain.at("accounts")));
        out.append(" accounts and ").append(text_of(domain.at("bindings"))).append(" bindings of ");
        out.append(text_of(domain.at("aors"))).append(" addresses-of-record are kept and not reached\n");
    } else {
        const auto& over = domain.at("over_limit").as_object();
        const auto& longer = domain.at("longer_than_max").as_object();
        if (over.at("aors").to_number<std::uint64_t>() != 0)
            out.append(name)
                .append(": ")
                .append(text_of(over.at("aors")))
                .append(" addresses-of-record have more contacts than the limit: they keep them and get no new ones\n");
        append_examples(out, over, "bindings");
        if (longer.at("bindings").to_number<std::uint64_t>() != 0)
            out.append(name)
                .append(": ")
                .append(text_of(longer.at("bindings")))
                .append(" bindings last longer than the new maximum: they do until their next REGISTER\n");
        append_examples(out, longer, "expires");
        if (domain.at("accounts_without_hash").to_number<std::uint64_t>() != 0)
            out.append(name)
                .append(": ")
                .append(text_of(domain.at("accounts_without_hash")))
                .append(
                    " accounts have no hash of any algorithm offered: they cannot register until their password is set "
                    "anew\n");
    }
}

}  // namespace

std::string plan_text(const json::object& plan) {
    std::string out;
    for (const auto& change : plan.at("changed").as_array())
        out.append(text_of(change.at("key")))
            .append(": ")
            .append(quoted(change.at("before")))
            .append(" -> ")
            .append(quoted(change.at("after")))
            .append("\n");
    for (const auto& key : plan.at("restart").as_array())
        out.append("a change of ").append(text_of(key)).append(" needs a restart\n");
    for (const auto& domain : plan.at("domains").as_array()) append_domain(out, domain.as_object());
    return out.empty() ? "nothing changes\n" : out;
}

}  // namespace muster::ctl
