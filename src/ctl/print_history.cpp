#include "print_history.hpp"

#include <boost/json.hpp>
#include <chrono>
#include <ctime>
#include <iostream>
#include <optional>

#include "muster/base/date.hpp"
#include "muster/base/text.hpp"
#include "muster/config/config.hpp"
#include "print.hpp"

namespace muster::ctl {
namespace {

namespace json = boost::json;

/// "2026-11-20 14:05" or with seconds, in the zone of this machine.
std::optional<base::Wall> local_time(std::string_view text) {
    if (text.size() == 16) return local_time(std::string(text) + ":00");
    const auto as_if_utc = base::parse_rfc3339(std::string(text) + 'Z');
    if (!as_if_utc || text.size() != 19) return {};
    const auto seconds = std::chrono::floor<base::Seconds>(as_if_utc->time_since_epoch()).count();
    std::tm fields{};
    ::gmtime_r(&seconds, &fields);
    fields.tm_isdst = -1;  // to be found out
    return base::Wall(base::Seconds(std::mktime(&fields)));
}

std::string local_text(const json::value* at) {
    const auto time = at && at->is_string() ? base::parse_rfc3339(std::string_view(at->get_string())) : std::nullopt;
    if (!time) return "-";
    const std::time_t seconds = std::chrono::floor<base::Seconds>(time->time_since_epoch()).count();
    std::tm fields{};
    ::localtime_r(&seconds, &fields);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%F %T", &fields)};
}

/// What came from a phone may hold anything: only printable ASCII reaches the terminal. Empty when absent.
std::string member(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    if (!value || value->is_null()) return {};
    return value->is_string() ? base::printable(value->get_string(), 4096) : json::serialize(*value);
}

char sign_of(std::string_view what) {
    return what.empty() ? '*' : what == "registered" ? '+' : what == "gone" ? '-' : what == "kept" ? '=' : '~';
}

/// ", name value" unless there is none.
void append(std::string& line, std::string_view name, const std::string& value) {
    if (!value.empty()) line.append("  ").append(name).append(name.empty() ? "" : " ").append(value);
}

std::string binding_text(const json::object& binding, bool brief) {
    const auto what = member(binding, "what");
    std::string line = sign_of(what) + std::string(brief ? "" : " ") + member(binding, "contact");
    append(line, "", member(binding, "why"));
    if (!brief && what == "kept") return line;
    append(line, "from", member(binding, "source"));
    if (what != "gone") {
        const auto* expires = binding.if_contains("expires");
        append(line, "for", expires && expires->is_int64() ? duration_text(expires->get_int64()) : "ever");
    }
    append(line, "by", member(binding, "user_agent"));
    if (brief) return line;
    append(line, "instance", member(binding, "instance"));
    append(line, "path", member(binding, "path"));
    append(line, "Call-ID", member(binding, "call_id"));
    append(line, "CSeq", member(binding, "cseq"));
    return line;
}

std::string account_text(const json::object& change) {
    const auto* value = change.if_contains("account");
    const auto* account = value ? value->if_object() : nullptr;
    if (!account) return {};
    const auto* enabled = account->if_contains("enabled");
    return "user " + member(*account, "username") + (enabled && *enabled == true ? "" : "  disabled");
}

template <class F>
void each_binding(const json::object& change, F&& f) {
    const auto* value = change.if_contains("bindings");
    if (const auto* list = value ? value->if_array() : nullptr)
        for (const auto& item : *list)
            if (const auto* binding = item.if_object()) f(*binding);
}

}  // namespace

std::string read_dates(admin::Request& request) {
    for (const char* name : {"at", "since"}) {
        const auto found = request.values.find(name);
        if (found == request.values.end()) continue;
        auto time = base::parse_rfc3339(found->second);
        if (!time) time = local_time(found->second);
        if (const auto ago = config::parse_duration(found->second); ago && std::string_view(name) == "since")
            time = base::Wall(
                       std::chrono::floor<base::Milliseconds>(std::chrono::system_clock::now().time_since_epoch())) -
                   *ago;
        if (!time)
            return std::string("--") + name +
                   ": expected a time such as 2026-11-20 14:05 or 2026-11-20T14:05:00Z, not " +
                   base::printable(found->second);
        found->second = base::rfc3339(*time);
    }
    return {};
}

void print_change(const json::object& change) {
    std::cout << local_text(change.if_contains("at")) << "  " << member(change, "event") << "  "
              << member(change, "aor") << "  #" << member(change, "position") << '\n';
    if (const auto account = account_text(change); !account.empty()) std::cout << "  " << account << '\n';
    each_binding(change,
                 [](const json::object& binding) { std::cout << "  " << binding_text(binding, false) << '\n'; });
}

void print_state(const json::object& state) {
    std::cout << local_text(state.if_contains("at")) << "  " << member(state, "aor") << "  #"
              << member(state, "version") << '\n';
    bool any = false;
    each_binding(state, [&any](const json::object& binding) {
        std::cout << "  " << binding_text(binding, false) << '\n';
        any = true;
    });
    if (!any) std::cout << "  no bindings\n";
}

std::string change_line(const json::object& change) {
    std::string line = local_text(change.if_contains("at")) + "  " + member(change, "event");
    append(line, "", member(change, "aor"));
    append(line, "", account_text(change));
    each_binding(change, [&](const json::object& binding) {
        if (member(binding, "what") != "kept") append(line, "", binding_text(binding, true));
    });
    return line + "  #" + member(change, "position");
}

bool Watch::take(std::string_view name, std::string_view data, std::string_view id) {
    if (const auto at = base::decimal(id)) position_ = at;
    if (data.empty()) return true;
    boost::system::error_code error;
    const auto parsed = json::parse(std::string(data), error);
    const auto* change = parsed.if_object();
    const auto position = change ? base::decimal(member(*change, "position")) : std::nullopt;
    if (!position) return true;
    if (name == "gone") {
        gone_ = "changes after position " + std::to_string(*position) + " are not kept any more; take a snapshot anew";
        return false;
    }
    std::cout << (as_json_ ? std::string(data) : change_line(*change)) << std::endl;
    return std::cout.good();
}

}  // namespace muster::ctl
