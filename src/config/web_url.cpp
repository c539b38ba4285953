// URLs of HTTP. The only file with Boost.URL, which is compiled here.

#include <algorithm>
#include <boost/url/src.hpp>
#include <boost/url/url_view.hpp>

#include "muster/base/flow.hpp"
#include "muster/base/text.hpp"
#include "value.hpp"

namespace muster::config {
namespace {

std::string text(boost::urls::string_view view) { return {view.data(), view.size()}; }

bool is_this_machine(const std::string& host) {
    const auto address = base::Address::parse(host);
    return host == "localhost" || (address && address->is_loopback());
}

}  // namespace

std::optional<WebUrl> read_web_url(std::string_view url) {
    const auto parsed = boost::urls::parse_absolute_uri({url.data(), url.size()});
    if (!parsed || !parsed->has_authority() || parsed->has_userinfo()) return {};
    const auto scheme = parsed->scheme_id();
    WebUrl to;
    to.secure = scheme == boost::urls::scheme::https;
    to.host = text(parsed->encoded_host_address());
    to.port = parsed->port().empty() ? (to.secure ? "443" : "80") : text(parsed->port());
    to.authority = text(parsed->encoded_host_and_port());
    const auto target = text(parsed->encoded_target());
    to.target = target.starts_with('/') ? target : '/' + target;
    // What is not read as it is written would lead elsewhere.
    const bool is_plain = std::ranges::all_of(to.authority, [](char c) {
        return base::is_alpha(c) || base::is_digit(c) || std::string_view(".-_:[]").find(c) != std::string_view::npos;
    });
    const bool is_whole = text(parsed->scheme()) + "://" + to.authority + target == url;
    const bool begins = target.empty() || target.front() == '/' || target.front() == '?';  // "127.0.0.1x" is no address
    if (!is_plain || !is_whole || !begins) return {};
    const bool is_web = to.secure || (scheme == boost::urls::scheme::http && is_this_machine(to.host));
    const bool has_port = base::decimal(to.port, 65'535).value_or(0) != 0;
    if (!is_web || !has_port || to.host.empty()) return {};
    return to;
}

}  // namespace muster::config
