// Two URIs, one a line: comparison is symmetric and reflexive, and the canonical address-of-record is a fixed point.

#include "input.hpp"
#include "muster/sip/aor.hpp"

using namespace muster;

namespace {

sip::ServedDomains served() {
    sip::ServedDomains domains;
    domains.add("example.com", "example.com");
    domains.add_listen("0.0.0.0", 5060);
    return domains;
}

void check_aor(const sip::Uri& uri) {
    static const auto domains = served();
    auto aor = sip::canonical_aor(uri, domains);
    if (!aor) return;
    auto printed = sip::parse_uri(aor->text);
    require(printed && printed->user == aor->user() && printed->host == aor->domain());
    require(sip::canonical_aor(*printed, domains) == aor);
}

}  // namespace

void fuzz(std::string_view input) {
    auto end = input.find('\n');
    auto a = sip::parse_uri(input.substr(0, end));
    if (!a) return;
    require(sip::uri_equal(*a, *a));
    check_aor(*a);
    auto again = sip::parse_uri(a->text);
    require(again && again->user == a->user && again->host == a->host && again->port == a->port);
    for (auto name : {"transport", "lr", "maddr"}) (void)a->param(name);
    auto b = end == input.npos ? std::nullopt : sip::parse_uri(input.substr(end + 1));
    if (b) require(sip::uri_equal(*a, *b) == sip::uri_equal(*b, *a));
}
