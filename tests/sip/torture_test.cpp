// RFC 4475 and RFC 5118: each message has the outcome that its index.tsv asks for, as far as the parser decides it.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support.hpp"

namespace muster::sip {
namespace {

struct Row {
    std::string folder;
    std::map<std::string, std::string> columns;  // by the names of the index

    const std::string& at(const std::string& column) const { return columns.at(column); }
    std::string bytes() const { return read_file(torture_folder / folder / at("file")); }
};

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, separator);) out.push_back(part);
    return out;
}

std::vector<Row> index_of(const std::string& folder) {
    std::vector<Row> rows;
    auto lines = split(read_file(torture_folder / folder / "index.tsv"), '\n');
    auto names = split(lines.at(0), '\t');
    for (std::size_t i = 1; i < lines.size(); ++i) {
        auto cells = split(lines[i], '\t');
        Row row{folder, {}};
        for (std::size_t j = 0; j < std::min(names.size(), cells.size()); ++j) row.columns[names[j]] = cells[j];
        rows.push_back(row);
    }
    return rows;
}

/// True if the parser's result leads to the outcome of this name. A status that is decided above needs a good parse.
bool leads_to(const Parsed& got, const std::string& outcome) {
    bool ok = got.result.outcome == ParseStatus::ok;
    if (outcome == "400" || outcome == "505")
        return got.result.outcome == ParseStatus::refused && std::to_string(got.result.status) == outcome;
    if (outcome == "drop") return got.result.outcome == ParseStatus::garbage || (ok && !got.message.is_request);
    if (outcome == "accept-response") return ok && !got.message.is_request;
    return ok && got.message.is_request;
}

void expect_outcomes(const std::string& folder, std::size_t messages) {
    auto rows = index_of(folder);
    EXPECT_EQ(rows.size(), messages);
    for (const auto& row : rows) {
        auto bytes = row.bytes();
        EXPECT_EQ(std::to_string(bytes.size()), row.at("bytes")) << "its bytes were changed: " << row.at("file");
        Parsed got(bytes);
        auto outcomes = split(row.at("expect"), '|');
        EXPECT_TRUE(std::any_of(outcomes.begin(), outcomes.end(), [&](const auto& one) { return leads_to(got, one); }))
            << row.at("file") << " wants " << row.at("expect") << " but is " << static_cast<int>(got.result.outcome)
            << ' ' << got.result.status << ' ' << got.result.reason;
        if (!got.result) continue;
        const auto& length = row.at("content_length");
        EXPECT_EQ(std::to_string(got.message.body.size()), length == "none" ? row.at("body_bytes") : length)
            << row.at("file");
    }
}

TEST(Torture, Rfc4475) { expect_outcomes("rfc4475", 50); }
TEST(Torture, Rfc5118) { expect_outcomes("rfc5118", 12); }

Parsed rfc4475(const std::string& file) {
    Parsed parsed(read_file(torture_folder / "rfc4475" / file));
    EXPECT_TRUE(parsed.result) << file << ": " << parsed.result.reason;
    return parsed;
}

std::vector<NameAddr> contacts(const Message& message) {
    std::vector<NameAddr> out;
    Values values(message, Header::contact);
    while (auto value = values.next()) {
        auto contact = parse_name_addr(*value);
        EXPECT_TRUE(contact) << *value;
        if (contact) out.push_back(*contact);
    }
    return out;
}

TEST(Torture, TortuousInviteIsReadWhole) {
    auto got = rfc4475("wsinv.dat");
    const auto& message = got.message;
    EXPECT_EQ(message.request_uri.param("unknownparam"), "");
    EXPECT_EQ(message.to.tag(), "1918181833n");
    EXPECT_EQ(message.from.tag(), "98asjd8");
    EXPECT_EQ(message.from.display, "\"J Rosenberg \\\\\\\"\"");
    EXPECT_EQ(message.max_forwards, 68u);
    EXPECT_EQ(message.cseq.number, 9u);
    EXPECT_EQ(message.via.host, "192.0.2.2");
    EXPECT_EQ(message.via.branch, "390skdjuw");
    EXPECT_FALSE(message.via.is_rfc3261());
    std::size_t vias = 0;
    for (Values values(message, Header::via); values.next();) ++vias;
    EXPECT_EQ(vias, 3u);
    ASSERT_EQ(contacts(message).size(), 1u);
    EXPECT_EQ(contacts(message)[0].params.find("q")->value, "0.33");
}

TEST(Torture, EscapesAreNoDelimiters) {
    auto got = rfc4475("esc01.dat");
    EXPECT_EQ(got.message.request_uri.user, "sips%3Auser%40example.com");
    EXPECT_EQ(got.message.request_uri.host, "example.net");
    auto null = rfc4475("escnull.dat");
    auto two = contacts(null.message);
    ASSERT_EQ(two.size(), 2u);
    EXPECT_FALSE(uri_equal(two[0].uri, two[1].uri));
}

TEST(Torture, PercentInNamesIsNoEscape) {
    auto got = rfc4475("esc02.dat");
    EXPECT_EQ(got.message.method, Method::other);
    EXPECT_EQ(contacts(got.message).size(), 2u);
}

TEST(Torture, OnlyTheFirstRequestOfADatagram) {
    auto got = rfc4475("dblreq.dat");
    EXPECT_EQ(got.message.method, Method::register_);
    EXPECT_TRUE(got.message.bytes.ends_with("\r\n\r\n"));
    EXPECT_EQ(got.message.bytes.find("INVITE"), std::string_view::npos);
}

TEST(Torture, ParametersBelongWhereTheyStand) {
    auto header = rfc4475("cparam01.dat");
    EXPECT_EQ(contacts(header.message).at(0).uri.params, "");
    EXPECT_TRUE(contacts(header.message).at(0).params.find("unknownparam"));
    auto uri = rfc4475("cparam02.dat");
    EXPECT_EQ(contacts(uri.message).at(0).uri.params, ";unknownparam");
    EXPECT_FALSE(contacts(uri.message).at(0).params.find("unknownparam"));
    auto headers = rfc4475("regescrt.dat");
    EXPECT_EQ(contacts(headers.message).at(0).uri.headers, "Route=%3Csip:sip.example.com%3E");
    auto user = rfc4475("semiuri.dat");
    EXPECT_EQ(user.message.request_uri.user, "user;par=u%40example.net");
}

}  // namespace
}  // namespace muster::sip
