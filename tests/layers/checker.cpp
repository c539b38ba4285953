#include "checker.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>
#include <sstream>

namespace muster::layers {
namespace {

struct Room {
    std::string_view name;
    int floor;
};
constexpr std::array<Room, 13> rooms{{{"base", 0},
                                      {"sip", 1},
                                      {"auth", 2},
                                      {"transaction", 2},
                                      {"location", 2},
                                      {"registrar", 3},
                                      {"proxy", 3},
                                      {"core", 4},
                                      {"net", 5},
                                      {"store", 5},
                                      {"admin", 5},
                                      {"config", 5},
                                      {"daemon", 6}}};
constexpr int last_pure_floor = 4;

/// Libraries that may be named by bodies and private headers of floors 5 and 6 only.
bool is_heavy(std::string_view include) {
    constexpr std::array<std::string_view, 11> prefixes{"boost/asio", "boost/beast", "boost/json", "spdlog/",
                                                        "yaml-cpp/",  "sqlite3",     "CLI/",       "systemd/",
                                                        "ares",       "libpq",       "fmt/"};
    return std::ranges::any_of(prefixes, [&](auto prefix) { return include.starts_with(prefix); });
}

/// Threads, files, sockets and the system: nothing a pure room may know.
bool is_impure(std::string_view include) {
    constexpr std::array<std::string_view, 14> names{
        "thread",  "future", "condition_variable", "semaphore", "stop_token", "barrier", "latch", "random", "iostream",
        "fstream", "cstdio", "filesystem",         "unistd.h",  "pthread.h"};
    return std::ranges::find(names, include) != names.end() || include.starts_with("sys/");
}

bool is_lock(std::string_view include) {
    return include == "mutex" || include == "shared_mutex" || include == "atomic";
}

/// The declared exceptions: many workers read the table, the accounts and the nonces, so these hold shard locks;
/// a record that readers share counts its owners, and calls that ring, what senders do and what a ban has dropped
/// are counted; who waits for long work reads how far it is.
bool may_lock(std::string_view room, std::string_view path, std::string_view include) {
    const std::string_view file = path.substr(path.rfind('/') + 1);
    if (room == "location" && file.starts_with("binding") && include == "atomic") return true;
    constexpr std::array<std::string_view, 4> counting{"ringing.hpp", "rate_table.hpp", "liveness.hpp", "bans.hpp"};
    if (room == "core" && include == "atomic" && std::ranges::find(counting, file) != counting.end()) return true;
    if (room == "base" && file == "progress.hpp" && include == "atomic") return true;
    return (room == "location" && file.starts_with("table")) ||
           (room == "auth" && (file.starts_with("accounts") || file.starts_with("nonce")));
}

/// "sip" of "include/muster/sip/uri.hpp" and of "src/sip/uri.cpp"; empty for other paths.
std::string room_of(std::string_view path) {
    for (std::string_view root : {"include/muster/", "src/"}) {
        if (!path.starts_with(root)) continue;
        path.remove_prefix(root.size());
        const auto slash = path.find('/');
        return std::string(slash == path.npos ? std::string_view{} : path.substr(0, slash));
    }
    return {};
}

struct Include {
    std::string name;
    bool quoted = false;
};

/// Comments are gone, but the names of quoted includes are literals: they are read from the text as written.
std::vector<Include> includes_of(std::string_view text, std::string_view stripped) {
    static const std::regex directive(R"(^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]*)[>"])");
    std::vector<Include> found;
    std::istringstream lines{std::string(text)}, code{std::string(stripped)};
    for (std::string line, bare; std::getline(lines, line) && std::getline(code, bare);) {
        std::smatch match;
        if (bare.find('#') != bare.npos && std::regex_search(line, match, directive))
            found.push_back({match[2], match[1] == "\""});
    }
    return found;
}

/// g++ 12 destroys a lambda with captures or an aggregate twice when it is made inside a co_await expression.
bool makes_temporary_in_co_await(const std::string& code) {
    static const std::regex temporary(R"(co_await\b[^;]*[(,]\s*(\[[^\]]+\]\s*[({]|(\w|::)*\{\s*[^}\s]))");
    return std::regex_search(code, temporary);
}

void check_door(const std::string& room, const Include& include, const Links& links, std::vector<std::string>& wrong) {
    const std::string target = room_of("include/" + include.name);
    if (target == room) return;
    if (floor_of(target) < 0) {
        wrong.push_back("no such room: " + include.name);
    } else if (floor_of(target) >= floor_of(room)) {
        wrong.push_back("not a lower floor: " + include.name);
    } else if (const auto declared = links.find(room); declared == links.end() || !declared->second.contains(target)) {
        wrong.push_back("CMakeLists.txt does not link muster_" + target + ": " + include.name);
    }
}

void check_private(bool is_door, const std::string& room, const Include& include, std::vector<std::string>& wrong) {
    const std::string first = include.name.substr(0, include.name.find('/'));
    const bool elsewhere = include.name.find("..") != std::string::npos || first == "src" || first == "include" ||
                           (include.name != first && floor_of(first) >= 0 && first != room);
    if (is_door) wrong.push_back("a door includes a private header: " + include.name);
    if (elsewhere) wrong.push_back("private header of another folder: " + include.name);
}

void check_library(bool is_door, const std::string& room, std::string_view path, const Include& include,
                   std::vector<std::string>& wrong) {
    const std::string& name = include.name;
    const bool pure = floor_of(room) <= last_pure_floor;
    if (is_heavy(name) && (pure || is_door)) wrong.push_back("only bodies of floors 5 and 6 may name it: " + name);
    if (!pure) return;
    if (is_impure(name)) wrong.push_back("floors 0 to 4 are pure: " + name);
    if (is_lock(name) && !may_lock(room, path, name)) wrong.push_back("no lock is declared for this file: " + name);
    if (name.starts_with("openssl/") && room != "auth") wrong.push_back("only auth calls OpenSSL: " + name);
}

/// The arguments of a call whose opening parenthesis is at `open`, with their places in the text.
struct Argument {
    std::size_t begin, end;
};
std::vector<Argument> arguments_at(std::string_view stripped, std::size_t open) {
    std::vector<Argument> all;
    int depth = 0;
    std::size_t begin = open + 1;
    for (auto at = open; at < stripped.size(); ++at) {
        const char c = stripped[at];
        if (c == '"') at = std::min(stripped.find('"', at + 1), stripped.size() - 1);
        depth += (c == '(' || c == '{' || c == '[') - (c == ')' || c == '}' || c == ']');
        if (depth > 0 && !(depth == 1 && c == ',')) continue;
        all.push_back({begin, at});
        begin = at + 1;
        if (depth == 0) break;
    }
    return all;
}

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

/// The first character of an argument that is no blank; NUL: none.
char first_of(std::string_view stripped, const Argument& argument) {
    const auto text = stripped.substr(argument.begin, argument.end - argument.begin);
    const auto found = std::ranges::find_if_not(text, is_blank);
    return found == text.end() ? '\0' : *found;
}

/// Calls of the printf family whose format is not written there.
void check_formats(const std::string& stripped, std::vector<std::string>& wrong) {
    static const std::regex call(R"(\b(v?(?:f|d|s|sn|as)?printf|syslog|sqlite3_\w*printf|sqlite3_log)\s*\()");
    for (std::sregex_iterator it(stripped.begin(), stripped.end(), call), end; it != end; ++it) {
        const std::string name = (*it)[1];
        const auto arguments = arguments_at(stripped, static_cast<std::size_t>(it->position() + it->length() - 1));
        const bool second = name.find("fprintf") != name.npos || name.find("dprintf") != name.npos ||
                            name == "sprintf" || name == "vsprintf" || name.find("asprintf") != name.npos ||
                            name == "syslog" || name == "sqlite3_log";
        const bool third = name.find("snprintf") != name.npos;
        const std::size_t format = third ? 2 : second ? 1 : 0;
        if (format >= arguments.size() || first_of(stripped, arguments[format]) != '"')
            wrong.push_back("the format of " + name + " is no literal");
    }
}

/// A literal that begins as SQL does, and is put together with something: values are bound, never written into it.
void check_sql(std::string_view text, const std::string& stripped, std::vector<std::string>& wrong) {
    static const std::regex begins(
        R"re("\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|PRAGMA|CREATE|DROP|ALTER|BEGIN|ATTACH|VACUUM)\b)re");
    const std::string code(text);
    for (std::sregex_iterator it(code.begin(), code.end(), begins), end; it != end; ++it) {
        auto at = static_cast<std::size_t>(it->position());
        if (stripped[at] != '"') continue;  // in a comment
        const auto line = "SQL put together: " + code.substr(at, std::min<std::size_t>(40, code.find('\n', at) - at));
        const auto before = stripped.find_last_not_of(" \n\t", at == 0 ? 0 : at - 1);
        static const std::regex joins(R"((\+|\+=|<<|\b(string|append|format|assign)\s*[({])$)");
        const auto start = before > 40 ? before - 40 : 0;
        bool joined = before != stripped.npos && std::regex_search(stripped.substr(start, before + 1 - start), joins);
        for (; at < stripped.size() && stripped[at] == '"'; at = stripped.find_first_not_of(" \n\t", at))
            at = stripped.find('"', at + 1) + 1;  // literals side by side are one
        joined = joined || (at < stripped.size() && (stripped[at] == '+' || stripped.compare(at, 2, "<<") == 0 ||
                                                     std::isalpha(static_cast<unsigned char>(stripped[at])) != 0));
        if (joined) wrong.push_back(line);
    }
    static const std::regex run(R"(\b(must|run|sqlite3_exec|sqlite3_prepare\w*)\s*\()");
    for (std::sregex_iterator it(stripped.begin(), stripped.end(), run), end; it != end; ++it)
        for (const auto& argument :
             arguments_at(stripped, static_cast<std::size_t>(it->position() + it->length() - 1))) {
            const auto said = stripped.substr(argument.begin, argument.end - argument.begin);
            if (said.find('+') != said.npos || said.find("c_str") != said.npos || said.find("format") != said.npos)
                wrong.push_back("SQL put together: " + (*it)[1].str() + "(" + said + ")");
        }
}

}  // namespace

int floor_of(std::string_view room) {
    if (room == "ctl") return floor_of("daemon");
    const auto* found = std::ranges::find(rooms, room, &Room::name);
    return found == rooms.end() ? -1 : found->floor;
}

std::string without_comments(std::string_view text) {
    enum class In { code, line_comment, block_comment, string, character } in = In::code;
    std::string out(text);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const char c = out[i], next = i + 1 < out.size() ? out[i + 1] : '\0';
        const bool digit_separator = c == '\'' && i > 0 && std::isxdigit(static_cast<unsigned char>(out[i - 1])) != 0;
        if (in == In::code) {
            if (c == '/' && next == '/') in = In::line_comment;
            if (c == '/' && next == '*') in = In::block_comment;
            if (c == '"') in = In::string;
            if (c == '\'' && !digit_separator) in = In::character;
            if (in != In::line_comment && in != In::block_comment) continue;
            out[i] = out[i + 1] = ' ';
            ++i;
            continue;
        }
        const bool escaped = c == '\\' && (in == In::string || in == In::character);
        const bool ends = (in == In::line_comment && c == '\n') || (in == In::string && c == '"') ||
                          (in == In::character && c == '\'') || (in == In::block_comment && c == '*' && next == '/');
        if (c != '\n' && !(ends && in != In::block_comment)) out[i] = ' ';
        if (escaped || (ends && in == In::block_comment)) {
            ++i;
            if (i < out.size() && out[i] != '\n') out[i] = ' ';
        }
        if (ends) in = In::code;
    }
    return out;
}

Links read_links(std::string_view cmake) {
    static const std::regex room(R"(muster_room\((\w+)(?:\s+DEPENDS\s+([\w\s]*?))?(?:\s+LINK[^)]*)?\))");
    static const std::regex program(R"(target_link_libraries\(muster(d|ctl)\s([^)]*)\))");
    const std::string text(cmake);
    Links links;
    const auto add = [&](const std::string& from, const std::string& names) {
        std::istringstream words(names);
        auto& set = links[from];
        for (std::string word; words >> word;) {
            if (word.starts_with("muster_")) word.erase(0, 7);
            if (floor_of(word) >= 0) set.insert(word);
        }
    };
    for (std::sregex_iterator it(text.begin(), text.end(), room), end; it != end; ++it) add((*it)[1], (*it)[2]);
    for (std::sregex_iterator it(text.begin(), text.end(), program), end; it != end; ++it)
        add((*it)[1] == "d" ? "daemon" : "ctl", (*it)[2]);

    for (std::size_t round = 0; round < links.size(); ++round) {
        for (auto& [name, set] : links) {
            const auto direct = set;
            for (const auto& dependency : direct) set.insert(links[dependency].begin(), links[dependency].end());
        }
    }
    return links;
}

std::vector<std::string> check_links(const Links& links) {
    std::vector<std::string> wrong;
    for (const auto& [room, set] : links) {
        for (const auto& dependency : set) {
            if (floor_of(dependency) >= floor_of(room))
                wrong.push_back("muster_" + room + " links muster_" + dependency + ", not a lower floor");
        }
    }
    return wrong;
}

std::vector<std::string> check_file(std::string_view path, std::string_view text, const Links& links) {
    std::vector<std::string> wrong;
    const std::string room = room_of(path);
    if (floor_of(room) < 0) return {"no such room: " + std::string(path)};

    const bool is_door = path.starts_with("include/");
    const std::string code = without_comments(text);
    for (const Include& include : includes_of(text, code)) {
        if (include.name.starts_with("muster/")) {
            check_door(room, include, links, wrong);
        } else if (include.quoted) {
            check_private(is_door, room, include, wrong);
        } else {
            check_library(is_door, room, path, include, wrong);
        }
    }
    if (floor_of(room) <= last_pure_floor) {
        for (std::string_view token : {"::now(", "std::thread", "std::jthread", "random_device", "getenv("})
            if (code.find(token) != code.npos) wrong.push_back("floors 0 to 4 are pure: " + std::string(token));
    }
    check_formats(code, wrong);
    if (room == "store") check_sql(text, code, wrong);
    if (makes_temporary_in_co_await(code))
        wrong.push_back("g++ 12: name the lambda or aggregate before the co_await line (CONTRIBUTING.md)");
    return wrong;
}

}  // namespace muster::layers
