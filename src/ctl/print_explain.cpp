#include "print_explain.hpp"

#include <boost/json.hpp>

#include "muster/base/text.hpp"
#include "print.hpp"

namespace muster::ctl {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    if (!value || value->is_null()) return {};
    if (const auto* text = value->if_string()) return base::printable(*text, 4096);
    return json::serialize(*value);
}

/// The objects in a list.
std::vector<const json::object*> list_of(const json::object& object, std::string_view key) {
    std::vector<const json::object*> all;
    const auto* value = object.if_contains(key);
    if (const auto* list = value ? value->if_array() : nullptr)
        for (const auto& each : *list)
            if (const auto* one = each.if_object()) all.push_back(one);
    return all;
}

class Lines {
public:
    /// Nothing when the text is empty.
    void add(std::string_view label, const std::string& text) {
        if (text.empty()) return;
        out_.append("  ").append(label).append(label_width - label.size(), ' ').append(text).append("\n");
    }
    std::string& out() { return out_; }

private:
    static constexpr std::size_t label_width = 10;
    std::string out_;
};

std::string joined(std::initializer_list<std::pair<std::string_view, std::string>> parts) {
    std::string out;
    for (const auto& [name, text] : parts)
        if (!text.empty())
            out.append(out.empty() ? "" : ", ").append(name).append(name.empty() ? "" : " ").append(text);
    return out;
}

std::string result_of(const json::object& explained) {
    const auto status = text_of(explained, "status"), reason = text_of(explained, "reason");
    if (status.empty()) return list_of(explained, "targets").empty() ? "no answer" : "passed on";
    const auto* sent = explained.if_contains("sent");
    const bool is_withheld = sent && sent->is_bool() && !sent->get_bool();
    return status + (reason.empty() ? "" : " " + reason) +
           (is_withheld ? " (not sent: more than a stranger gets)" : "");
}

std::string asked_of(const json::object& explained) {
    std::string contacts;
    if (const auto* list = explained.if_contains("contacts"); list && list->is_array())
        for (const auto& each : list->get_array())
            contacts.append(contacts.empty() ? "" : ", ")
                .append(each.is_string() ? base::printable(each.get_string(), 512) : "");
    return joined({{"Contact", contacts},
                   {"Expires", text_of(explained, "expires")},
                   {"Call-ID", text_of(explained, "call_id")},
                   {"CSeq", text_of(explained, "cseq")},
                   {"User-Agent", text_of(explained, "user_agent")}});
}

/// How the sender has shown who it is.
std::string shown_of(const json::object& explained) {
    const auto shown = text_of(explained, "shown"), user = text_of(explained, "user");
    if (shown == "digest") return "is " + user + ", by password";
    if (shown == "guess") return "says to be " + user + ", and has not shown it";
    if (shown == "certificate") return "has shown a certificate";
    if (shown == "network") return "comes from a trusted network";
    return "has not shown who it is";
}

std::string rule_of(const json::object& explained) {
    const auto rule = text_of(explained, "rule"), step = text_of(explained, "step");
    const bool says_step = step.empty() || rule.find(" step ") != rule.npos;
    return rule + (says_step ? "" : " (RFC 3261 s10.3 step " + step + ")");
}

/// "muster.yaml:12  domains.example.com.contacts.limit: 2".
std::string setting_of(const json::object& setting) {
    const auto line = text_of(setting, "line");
    return joined({{"", text_of(setting, "file") + (line.empty() ? "" : ":" + line)}}) + "  " +
           text_of(setting, "key") + ": " + text_of(setting, "value") + (line.empty() ? " (default)" : "");
}

std::string binding_of(const json::object& binding) {
    const auto* expires = binding.if_contains("expires");
    const auto left = expires && expires->is_int64() ? duration_text(expires->get_int64()) : "never expires";
    return text_of(binding, "contact") + "  " + left + joined({{"  from", text_of(binding, "source")}});
}

/// "+" is new, "-" gone, "~" bound anew, "=" as it was.
void add_bindings(Lines& lines, const json::object& explained) {
    const auto changes = list_of(explained, "changes");
    std::string_view label = "bindings";
    for (const auto* change : changes) {
        const auto why = text_of(*change, "why");
        lines.add(label,
                  text_of(*change, "change") + ' ' + binding_of(*change) + (why.empty() ? "" : "  (" + why + ")"));
        label = "";
    }
    const auto* before = explained.if_contains("before");
    if (!changes.empty() || !before || !before->is_object()) return;
    for (const auto* binding : list_of(before->get_object(), "bindings")) {
        lines.add(label, "= " + binding_of(*binding));
        label = "";
    }
    if (!label.empty()) lines.add(label, "none");
}

void add_look_up(Lines& lines, const json::object& explained) {
    std::string_view label = "targets";
    for (const auto* target : list_of(explained, "targets")) {
        lines.add(label, text_of(*target, "uri") + "  q " + text_of(*target, "q") +
                             joined({{"  by", text_of(*target, "way")}}));
        label = "";
    }
    label = "left out";
    for (const auto* one : list_of(explained, "left_out")) {
        lines.add(label, text_of(*one, "contact") + "  (" + text_of(*one, "why") + ")");
        label = "";
    }
}

/// What only a rehearsal has: the steps it passed, what the credentials are worth, and the answer.
void add_rehearsal(Lines& lines, const json::object& explained) {
    if (const auto* credentials = explained.if_contains("credentials"); credentials && credentials->is_object()) {
        const auto& judged = credentials->get_object();
        lines.add("password", text_of(judged, "rule") + ": " + text_of(judged, "meaning"));
        const auto user = text_of(explained, "taken_as");
        lines.add("", user.empty() ? "" : "from here on as if " + user + " had the right one, and a fresh nonce");
    }
    for (const auto* step : list_of(explained, "steps"))
        lines.add("step " + text_of(*step, "step"), text_of(*step, "what") + ": " + text_of(*step, "result"));
    const auto* answer = explained.if_contains("answer");
    if (!answer || !answer->is_string()) return;
    std::string_view label = "answer";
    for (auto line : base::split(answer->get_string(), '\n')) {
        lines.add(label, base::printable(base::trimmed(line), 4096));
        label = "";
    }
}

}  // namespace

std::string explained_text(const json::object& explained) {
    Lines lines;
    const auto aor = text_of(explained, "aor"), id = text_of(explained, "id");
    lines.out() += text_of(explained, "time") + "  " + text_of(explained, "method") + ' ' +
                   (aor.empty() ? text_of(explained, "request_uri") : aor) + " from " + text_of(explained, "source") +
                   ": " + result_of(explained) + (id.empty() ? "" : "  [" + id + "]") + '\n';
    lines.add("asked", asked_of(explained));
    lines.add("sender", shown_of(explained));
    lines.add("rule", rule_of(explained));
    lines.add("", text_of(explained, "meaning"));
    for (const auto* setting : list_of(explained, "settings")) lines.add("setting", setting_of(*setting));
    lines.add("says", text_of(explained, "detail"));
    add_bindings(lines, explained);
    add_look_up(lines, explained);
    const auto* rehearsal = explained.if_contains("rehearsal");
    if (rehearsal) add_rehearsal(lines, explained);
    return std::move(lines.out());
}

}  // namespace muster::ctl
