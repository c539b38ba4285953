// What is read from disk and from our own Record-Route: bindings, accounts, flows, addresses, route tokens. Damage is
// seen, what can be read is printed and read the same, and no token opens that was not made for this dialog. TOKEN in
// the input stands for one that was.

#include <string>

#include "input.hpp"
#include "muster/auth/accounts.hpp"
#include "muster/auth/route_token.hpp"
#include "muster/base/text.hpp"
#include "muster/location/binding.hpp"

using namespace muster;

namespace {

const base::Mono moment{base::Seconds(1'000)};

bool same(const location::Binding& a, const location::Binding& b) {
    return a.contact == b.contact && a.params == b.params && a.call_id == b.call_id && a.instance_id == b.instance_id &&
           a.path == b.path && a.user_agent == b.user_agent && a.flow == b.flow && a.cseq == b.cseq &&
           a.reg_id == b.reg_id && a.interval == b.interval && a.q == b.q && a.has_q == b.has_q &&
           a.gruu_epoch == b.gruu_epoch && a.updated_at == b.updated_at &&
           (a.interval == 0 || a.expires_at == b.expires_at);
}

void check_record(std::string_view text) {
    auto record = location::Record::from_text("sip:alice@example.com", 7, moment, text);
    if (!record) return;
    location::Bindings read, again;
    record->decode(read);
    require(read.size() == record->size() && record->text() == text);
    auto printed = location::Record::encode(record->aor(), 7, moment, read);
    printed.decode(again);
    require(again.size() == read.size() && printed.next_expiry() == record->next_expiry());
    for (std::size_t i = 0; i < read.size(); ++i) require(same(read[i], again[i]));
    require(location::Record::from_text(record->aor(), 7, moment, printed.text()).has_value());
}

void check_account(std::string_view text) {
    auto account = auth::decode_account(text);
    if (!account) return;
    const auto printed = auth::encode(*account);
    require(base::iequals(printed, text));  // hashes may come in capitals
    auto again = auth::decode_account(printed);
    require(again && auth::encode(*again) == printed);
}

void check_addresses(std::string_view text) {
    if (auto flow = base::Flow::decode(text)) {
        auto again = base::Flow::decode(flow->encode());
        require(again && *again == *flow && again->encode() == flow->encode());
    }
    if (auto address = base::Address::parse(text)) require(base::Address::parse(address->text()) == address);
    if (auto network = base::Network::parse(text)) require(network->contains(network->base));
}

void check_token(std::string_view text) {
    static const auth::RouteTokens tokens(auth::RouteKey{1, 2, 3});
    const auth::RouteScope scope{.call_id = "c1",
                                 .sender = "sip:alice@example.com",
                                 .receiver = "sip:bob@example.com",
                                 .receiver_tag = "2",
                                 .next_hop = {},
                                 .remote_target = "sip:bob@192.0.2.7"};
    const base::Wall now{base::Seconds(1'289'690'940)};
    const base::Flow flow{.remote = base::Address::v4(192, 0, 2, 7, 5060)};
    std::string genuine;
    tokens.append(genuine, scope, &flow, now);
    std::string tried(text);
    if (auto at = tried.find("TOKEN"); at != tried.npos) tried.replace(at, 5, genuine);
    auto opened = tokens.read(tried, scope, now);
    require(opened.has_value() == (tried == genuine));
    if (opened) require(opened->flow == flow);
}

}  // namespace

void fuzz(std::string_view input) {
    check_record(input);
    check_account(input);
    check_addresses(input);
    check_token(input);
}
