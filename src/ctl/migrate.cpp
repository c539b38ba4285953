#include "migrate.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "muster/admin/codec.hpp"
#include "muster/base/text.hpp"

namespace muster::ctl {
namespace {

namespace json = boost::json;

using Columns = std::vector<std::string>;
using Value = std::optional<std::string>;  // NULL is none
using Values = std::vector<Value>;

// Rows as lines.

/// Seconds since 1970 of what a column of times may hold: so many, a Julian day (Kamailio in SQLite), or local time in
/// words (Kamailio elsewhere). 0: for ever.
double seconds_of(const std::string& text) {
    constexpr double first_second = 100'000'000, first_day = 2'440'587.5, day = 86'400;
    std::tm parts{};
    if (::strptime(text.c_str(), "%Y-%m-%d %H:%M:%S", &parts) != nullptr) {
        parts.tm_isdst = -1;
        return std::max(0.0, static_cast<double>(std::mktime(&parts)));
    }
    const double number = std::strtod(text.c_str(), nullptr);
    if (number >= first_second || number < first_day) return number >= first_second ? number : 0;
    return std::round((number - first_day) * day);
}

struct Field {
    std::string_view column, name;
    enum class Kind { text, number, time } kind = Kind::text;
};
constexpr Field of_account[] = {
    {"username", "username"}, {"domain", "domain"}, {"password", "password"}, {"ha1", "ha1"}, {"ha1b", "ha1b"}};
constexpr Field of_binding[] = {{"username", "username"},
                                {"domain", "domain"},
                                {"contact", "contact"},
                                {"received", "received"},
                                {"path", "path"},
                                {"expires", "expires", Field::Kind::time},
                                {"q", "q", Field::Kind::number},
                                {"callid", "call_id"},
                                {"cseq", "cseq", Field::Kind::number},
                                {"user_agent", "user_agent"},
                                {"socket", "socket"},
                                {"instance", "instance"},
                                {"sip_instance", "instance"},
                                {"reg_id", "reg_id", Field::Kind::number}};

class Lines {
public:
    explicit Lines(std::string_view domain) : domain_(domain) {}

    /// Of any table; others than the two are passed over.
    void add(std::string_view table, const Columns& columns, const Values& values) {
        if (table == "subscriber") append("account", of_account, columns, values);
        if (table == "location") append("binding", of_binding, columns, values);
    }
    static bool wants(std::string_view table) { return table == "subscriber" || table == "location"; }

    std::string take() { return std::move(text_); }

private:
    void append(const char* what, std::span<const Field> fields, const Columns& columns, const Values& values) {
        json::object row;
        for (std::size_t i = 0; i < columns.size() && i < values.size(); ++i) {
            auto field = std::ranges::find(fields, columns[i], &Field::column);
            if (field == fields.end() || !values[i] || values[i]->empty()) continue;
            if (field->kind == Field::Kind::text) {
                row[field->name] = admin::utf8(*values[i]);
                continue;
            }
            const double number =
                field->kind == Field::Kind::time ? seconds_of(*values[i]) : std::strtod(values[i]->c_str(), nullptr);
            if (std::isfinite(number)) row[field->name] = number;  // JSON has no others
        }
        if (!row.contains("domain")) row["domain"] = domain_;
        text_.append(json::serialize(json::object{{what, std::move(row)}})).append("\n");
    }

    std::string domain_, text_;
};

// Dumps.

/// Takes a dump apart: as much of SQL as dumps are made of.
class Dump {
public:
    Dump(std::string_view text, Lines& lines)
        : text_(text),
          lines_(lines),
          is_mysql_(text.substr(0, 1'000).find("MySQL dump") != text.npos ||
                    text.substr(0, 1'000).find("MariaDB dump") != text.npos ||
                    text.find("INSERT INTO `") != text.npos) {}

    /// Whether one of the tables was in it.
    bool read() {
        while (next()) {
            if (is("INSERT"))
                read_insert();
            else if (is("CREATE"))
                read_create();
            else if (is("COPY"))
                read_copy();
            else
                skip_statement();
        }
        return found_;
    }

private:
    enum class Kind { word, name, text, sign, end };

    bool is(std::string_view word) const { return kind_ == Kind::word && base::iequals(token_, word); }
    bool is_sign(char sign) const { return kind_ == Kind::sign && token_[0] == sign; }

    [[noreturn]] void fail(const std::string& what) const {
        const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
        throw std::runtime_error("line " + std::to_string(line) + ": " + what);
    }

    void expect(bool good, const char* what) {
        if (!good) fail(std::string("expected ") + what);
        next();
    }

    void skip_space() {
        for (;;) {
            while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
            const auto rest = text_.substr(at_);
            if (rest.starts_with("--"))
                at_ = std::min(text_.find('\n', at_), text_.size());
            else if (rest.starts_with("/*"))
                at_ = std::min(text_.find("*/", at_), text_.size() - 2) + 2;
            else
                return;
        }
    }

    bool next() {
        skip_space();
        token_.clear();
        if (at_ >= text_.size()) return kind_ = Kind::end, false;
        const char first = text_[at_];
        if (first == '\'') return kind_ = Kind::text, read_quoted('\'', is_mysql_), true;
        if (first == '"' || first == '`') return kind_ = Kind::name, read_quoted(first, false), true;
        auto in_word = [](char c) {
            return base::is_alpha(c) || base::is_digit(c) || c == '_' || c == '.' || c == '-' || c == '+' || c == '$';
        };
        kind_ = in_word(first) ? Kind::word : Kind::sign;
        do token_ += text_[at_++];
        while (kind_ == Kind::word && at_ < text_.size() && in_word(text_[at_]));
        return true;
    }

    void read_quoted(char quote, bool escapes) {
        for (++at_; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == quote && text_.substr(at_ + 1, 1) != std::string_view(&quote, 1)) return void(++at_);
            if (c == quote) ++at_;
            if (c == '\\' && escapes && at_ + 1 < text_.size())
                token_ += unescaped(text_[++at_]);
            else
                token_ += c;
        }
        fail("a quoted text without an end");
    }

    static char unescaped(char c) {
        constexpr std::string_view letters = "0nrtbZ", meant{"\0\n\r\t\b\x1a", 6};
        const auto found = letters.find(c);
        return found == letters.npos ? c : meant[found];
    }

    void skip_statement() {
        while (kind_ != Kind::end && !is_sign(';')) next();
    }

    /// "public.subscriber" and `kamailio`.`subscriber` are subscriber.
    std::string read_name() {
        auto name = token_;
        expect(kind_ == Kind::word || kind_ == Kind::name, "a name");
        while (kind_ == Kind::word && token_.starts_with('.')) {
            name = token_.substr(1);
            next();
            if (name.empty()) name = token_, next();
        }
        return name.substr(name.rfind('.') + 1);
    }

    Columns read_columns() {
        Columns columns;
        do next(), columns.push_back(read_name());
        while (is_sign(','));
        expect(is_sign(')'), "a closing parenthesis");
        return columns;
    }

    void read_insert() {
        do next();
        while (kind_ == Kind::word && !is("INTO"));
        expect(is("INTO"), "INTO");
        const auto table = read_name();
        if (!Lines::wants(table)) return skip_statement();
        found_ = true;
        auto columns = is_sign('(') ? read_columns() : columns_[table];
        if (columns.empty()) fail("rows of " + table + " before its columns are named");
        expect(is("VALUES"), "VALUES");
        while (is_sign('(')) {
            Values values;
            do next(), values.push_back(read_value());
            while (is_sign(','));
            expect(is_sign(')'), "a closing parenthesis");
            if (values.size() != columns.size())
                fail("a row of " + table + " has not as many values as it has columns");
            lines_.add(table, columns, values);
            if (is_sign(',')) next();
        }
        if (kind_ != Kind::end && !is_sign(';')) fail("expected the end of the statement");
    }

    /// One token; what is computed counts as nothing.
    Value read_value() {
        Value value;
        if (!is("NULL")) value = token_;
        expect(kind_ != Kind::end && kind_ != Kind::sign, "a value");
        for (int depth = 0; kind_ != Kind::end && (depth > 0 || !(is_sign(',') || is_sign(')'))); next()) {
            depth += is_sign('(') - is_sign(')');
            value.reset();
        }
        return value;
    }

    void read_create() {
        next();
        if (!is("TABLE")) return skip_statement();
        next();
        while (is("IF") || is("NOT") || is("EXISTS")) next();
        const auto table = read_name();
        if (!Lines::wants(table) || !is_sign('(')) return skip_statement();
        found_ = true;
        auto& columns = columns_[table];
        columns.clear();
        do {
            next();
            constexpr std::string_view others[] = {"PRIMARY", "KEY",     "UNIQUE", "CONSTRAINT",
                                                   "INDEX",   "FOREIGN", "CHECK",  "FULLTEXT"};
            const bool is_column = std::ranges::none_of(others, [this](auto word) { return is(word); });
            if (is_column) columns.push_back(token_);
            for (int depth = 0; kind_ != Kind::end && (depth > 0 || !(is_sign(',') || is_sign(')'))); next())
                depth += is_sign('(') - is_sign(')');
        } while (is_sign(','));
        skip_statement();
    }

    /// PostgreSQL: lines of values with tabs between, up to one that is \. alone.
    void read_copy() {
        next();
        const auto table = read_name();
        auto columns = is_sign('(') ? read_columns() : columns_[table];
        skip_statement();
        next_line();
        while (at_ < text_.size()) {
            const auto line = next_line();
            if (base::trimmed(line) == "\\.") break;
            if (!Lines::wants(table)) continue;
            found_ = true;
            Values values;
            for (auto field : base::split(line, '\t')) values.push_back(copied(field));
            if (values.size() != columns.size())
                fail("a row of " + table + " has not as many values as it has columns");
            lines_.add(table, columns, values);
        }
    }

    /// What is left of this one, without its end.
    std::string_view next_line() {
        const auto line = text_.substr(at_, text_.find('\n', at_) - at_);
        at_ = std::min(at_ + line.size() + 1, text_.size());
        return line;
    }

    static Value copied(std::string_view field) {
        if (field == "\\N") return {};
        std::string out;
        for (std::size_t i = 0; i < field.size(); ++i)
            out += field[i] == '\\' && i + 1 < field.size() ? unescaped(field[++i]) : field[i];
        return out;
    }

    std::string_view text_;
    Lines& lines_;
    bool is_mysql_;
    std::size_t at_ = 0;
    Kind kind_ = Kind::end;
    std::string token_;
    std::map<std::string, Columns, std::less<>> columns_;
    bool found_ = false;
};

[[noreturn]] void no_tables() { throw std::runtime_error("neither a table subscriber nor a table location in it"); }

}  // namespace

std::string lines_of_dump(std::string_view content, std::string_view domain) {
    Lines lines(domain);
    if (!Dump(content, lines).read()) no_tables();
    return lines.take();
}

bool is_database(const std::string& path) {
    std::string head(15, '\0');
    return std::ifstream(path, std::ios::binary).read(head.data(), 15) && head == "SQLite format 3";
}

std::string lines_of_database(const std::string& path, std::string_view domain) {
    sqlite3* opened = nullptr;
    const int failed = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
    const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database(opened, sqlite3_close);
    auto fail = [&] { throw std::runtime_error(sqlite3_errmsg(opened)); };
    if (failed) fail();
    sqlite3_busy_timeout(opened, 5'000);
    Lines lines(domain);
    bool found = false;
    for (const char* table : {"subscriber", "location"}) {
        if (sqlite3_table_column_metadata(opened, nullptr, table, nullptr, nullptr, nullptr, nullptr, nullptr,
                                          nullptr) != SQLITE_OK)
            continue;
        found = true;
        sqlite3_stmt* prepared = nullptr;
        if (sqlite3_prepare_v2(opened, (std::string("SELECT * FROM ") + table).c_str(), -1, &prepared, nullptr) !=
            SQLITE_OK)
            fail();
        const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> rows(prepared, sqlite3_finalize);
        Columns columns;
        for (int i = 0; i < sqlite3_column_count(prepared); ++i) columns.emplace_back(sqlite3_column_name(prepared, i));
        int step = SQLITE_ROW;
        while ((step = sqlite3_step(prepared)) == SQLITE_ROW) {
            Values values;
            for (int i = 0; i < sqlite3_column_count(prepared); ++i) {
                const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared, i));
                values.push_back(
                    text ? Value(std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(prepared, i))))
                         : Value());
            }
            lines.add(table, columns, values);
        }
        if (step != SQLITE_DONE) fail();
    }
    if (!found) no_tables();
    return lines.take();
}

}  // namespace muster::ctl
