#include "print.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <span>

#include "muster/base/text.hpp"
#include "print_explain.hpp"

namespace muster::ctl {
namespace {

namespace json = boost::json;

struct Column {
    const char* header;
    const char* key;
};
constexpr Column of_binding[] = {{"CONTACT", "contact"},
                                 {"EXPIRES", "expires"},
                                 {"Q", "q"},
                                 {"SOURCE", "source"},
                                 {"LIVE", "live"},
                                 {"NAT", "nat"},
                                 {"FLOW", "flow"},
                                 {"HEARD", "heard"},
                                 {"RTT", "rtt_ms"},
                                 {"CALL-ID", "call_id"},
                                 {"CSEQ", "cseq"},
                                 {"PATH", "path"},
                                 {"INSTANCE", "instance"},
                                 {"REG-ID", "reg_id"},
                                 {"PARAMS", "params"},
                                 {"AGE", "age"},
                                 {"USER-AGENT", "user_agent"}};
constexpr Column of_listed_binding[] = {
    {"CONTACT", "contact"}, {"EXPIRES", "expires"}, {"Q", "q"}, {"SOURCE", "source"}, {"USER-AGENT", "user_agent"}};
constexpr Column of_target[] = {{"URI", "uri"},   {"Q", "q"},       {"EXPIRES", "expires"},
                                {"FLOW", "flow"}, {"LIVE", "live"}, {"ROUTE", "route"}};
constexpr Column of_left_out[] = {{"LEFT OUT", "contact"}, {"WHY", "why"}};
constexpr Column of_account[] = {
    {"AOR", "aor"}, {"USERNAME", "username"}, {"ENABLED", "enabled"}, {"ALIASES", "aliases"}};
constexpr Column of_task[] = {{"TASK", "task"}, {"DONE", "done"}, {"TOTAL", "total"}};
constexpr Column of_flow[] = {
    {"ID", "id"},         {"TRANSPORT", "transport"}, {"REMOTE", "remote"}, {"LOCAL", "local"},
    {"BY", "opened_by"},  {"STATE", "state"},         {"AGE", "age"},       {"IDLE", "idle"},
    {"UNSENT", "unsent"}, {"USERS", "users"},         {"AORS", "aors"}};
constexpr Column of_ban[] = {{"ADDRESS", "address"}, {"KIND", "kind"}, {"SINCE", "since"}, {"UNTIL", "until"},
                             {"DROPPED", "dropped"}, {"BY", "by"},     {"USER", "user"},   {"REASON", "reason"}};
constexpr Column of_domain[] = {{"DOMAIN", "domain"},
                                {"ALIASES", "aliases"},
                                {"EXPIRES", "expires"},
                                {"CONTACTS", "contact_limit"},
                                {"ALGORITHMS", "algorithms"}};

constexpr Column of_part[] = {{"NAME", "name"}, {"BINDINGS", "bindings"}};
constexpr Column of_damaged[] = {{"KIND", "kind"}, {"KEY", "key"}, {"VERSION", "version"}, {"FATE", "fate"}};

std::vector<std::string> headers(std::span<const Column> columns) {
    std::vector<std::string> all;
    for (const auto& column : columns) all.emplace_back(column.header);
    return all;
}

bool is_time(std::string_view key) {
    return key == "expires" || key == "uptime" || key == "age" || key == "idle" || key == "until";
}

/// One value on one line. What came from a phone may hold anything: only printable ASCII reaches the terminal.
std::string cell(const json::value* value, bool time) {
    if (!value) return "-";
    if (value->is_null()) return time ? "never" : "-";
    if (const auto* text = value->if_string()) return text->empty() ? "-" : base::printable(*text, 4096);
    if (const auto* flag = value->if_bool()) return *flag ? "yes" : "no";
    if (const auto* number = value->if_int64(); number && time) return duration_text(*number);
    std::string out;
    if (const auto* list = value->if_array()) {
        for (const auto& item : *list) out += (out.empty() ? "" : ",") + cell(&item, time);
    } else if (const auto* object = value->if_object()) {
        for (const auto& [key, member] : *object)
            out += (out.empty() ? "" : " ") + base::printable(key) + '=' + cell(&member, time || is_time(key));
    } else {
        return json::serialize(*value);
    }
    return out.empty() ? "-" : out;
}

std::vector<std::string> row_of(const json::object& object, std::span<const Column> columns) {
    std::vector<std::string> row;
    for (const auto& column : columns) row.push_back(cell(object.if_contains(column.key), is_time(column.key)));
    return row;
}

/// The objects in a member that is a list; none when it is absent or something else.
std::vector<const json::object*> objects(const json::object& object, std::string_view key) {
    std::vector<const json::object*> all;
    const auto* value = object.if_contains(key);
    const auto* list = value ? value->if_array() : nullptr;
    if (list)
        for (const auto& item : *list)
            if (const auto* found = item.if_object()) all.push_back(found);
    return all;
}

/// A title, then a table of the objects in `key`, or a word that there are none.
void print_part(const json::object& result, const char* key, std::span<const Column> columns, const char* none) {
    std::cout << cell(result.if_contains("aor"), false);
    if (const auto* version = result.if_contains("version")) std::cout << "  version " << cell(version, false);
    auto all = objects(result, key);
    std::cout << (all.empty() ? std::string("  ") + none : "") << '\n';
    if (all.empty()) return;
    Table table(headers(columns));
    for (const auto* each : all) table.add(row_of(*each, columns));
    table.flush();
}

/// Names and values, one a line; nested objects indented.
void print_members(const json::object& object, std::size_t indent) {
    std::size_t width = 0;
    for (const auto& [key, value] : object) width = std::max(width, key.size());
    for (const auto& [key, value] : object) {
        std::cout << std::string(indent, ' ') << base::printable(key);
        if (const auto* inner = value.if_object(); inner && !inner->empty()) {
            std::cout << '\n';
            print_members(*inner, indent + 2);
        } else {
            std::cout << std::string(width - key.size() + 2, ' ') << cell(&value, is_time(key)) << '\n';
        }
    }
}

/// Quotes stay as they are, for it is read as a message and not as one word of a line.
void append_line(std::string& out, std::string_view line) {
    for (char c : line) {
        if (c == '"' || c == '\\')
            out += c;
        else
            out += base::printable({&c, 1});
    }
    out += '\n';
}

/// A SIP message as it is, below a line on who sent it to whom.
std::string message_text(const json::object& message) {
    const auto part = [&](std::string_view key) { return cell(message.if_contains(key), false); };
    const auto* text = message.at("text").if_string();
    std::string out = part("time") + ' ' + part("transport") + ' ' + part("remote") +
                      (part("direction") == "in" ? " -> " : " <- ") + part("local") + '\n';
    for (auto line : base::split(text ? std::string_view(*text) : "", '\n'))
        append_line(out, line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
    return out;
}

}  // namespace

std::string duration_text(std::int64_t seconds) {
    struct Unit {
        std::int64_t seconds;
        char name;
    };
    if (seconds <= 0) return seconds == 0 ? "0s" : std::to_string(seconds) + 's';
    std::string out;
    for (auto unit : {Unit{86'400, 'd'}, Unit{3'600, 'h'}, Unit{60, 'm'}, Unit{1, 's'}}) {
        if (seconds >= unit.seconds) out += std::to_string(seconds / unit.seconds) + unit.name;
        seconds %= unit.seconds;
    }
    return out;
}

void Table::flush() {
    for (const auto& row : pending_) {
        widths_.resize(std::max(widths_.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], row[i].size());
    }
    for (const auto& row : pending_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths_[i] - row[i].size() + 2, ' ');
        }
        std::cout << line << '\n';
    }
    pending_.clear();
}

Table list_table(std::string_view noun) {
    if (noun == "accounts") return Table(headers(of_account));
    if (noun == "domains") return Table(headers(of_domain));
    if (noun == "tasks") return Table(headers(of_task));
    if (noun == "flows") return Table(headers(of_flow));
    if (noun == "bans") return Table(headers(of_ban));
    auto header = headers(of_listed_binding);
    header.insert(header.begin(), "AOR");
    return Table(std::move(header));
}

void add_item(Table& table, std::string_view noun, const json::object& item) {
    if (noun == "accounts") return table.add(row_of(item, of_account));
    if (noun == "domains") return table.add(row_of(item, of_domain));
    if (noun == "tasks") return table.add(row_of(item, of_task));
    if (noun == "flows") return table.add(row_of(item, of_flow));
    if (noun == "bans") return table.add(row_of(item, of_ban));
    for (const auto* binding : objects(item, "bindings")) {
        auto row = row_of(*binding, of_listed_binding);
        row.insert(row.begin(), cell(item.if_contains("aor"), false));
        table.add(std::move(row));
    }
}

std::string event_line(std::string_view name, const json::value& data) {
    if (const auto* object = data.if_object(); object && name == "message" && object->contains("text"))
        return message_text(*object);
    return base::printable(name) + ' ' + cell(&data, false);
}

void print_result(std::string_view noun, const json::value& result) {
    const auto* object = result.if_object();
    if (!object) {
        std::cout << cell(&result, false) << '\n';
    } else if (noun == "explain") {
        std::cout << explained_text(*object);
    } else if (object->contains("bindings") && object->at("bindings").is_array()) {
        print_part(*object, "bindings", of_binding, "no bindings");
    } else if (noun == "lookup") {
        print_part(*object, "targets", of_target, "no targets");
        const auto left_out = objects(*object, "left_out");
        if (left_out.empty()) return;
        Table others(headers(of_left_out));
        for (const auto* one : left_out) others.add(row_of(*one, of_left_out));
        others.flush();
    } else {
        auto members = *object;
        members.erase("damaged");
        if (const auto* by = members.if_contains("by"); by && by->is_array()) members.erase("by");
        print_members(members, 0);
        if (const auto parts = objects(*object, "by"); !parts.empty()) {
            Table rows(headers(of_part));
            for (const auto* one : parts) rows.add(row_of(*one, of_part));
            rows.flush();
        }
        const auto damaged = objects(*object, "damaged");
        if (damaged.empty()) return;
        Table rows(headers(of_damaged));
        for (const auto* one : damaged) rows.add(row_of(*one, of_damaged));
        rows.flush();
    }
}

}  // namespace muster::ctl
