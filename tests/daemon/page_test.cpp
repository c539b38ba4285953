// What the status page says, and that nothing anybody chooses becomes markup.

#include "page.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "html.hpp"
#include "muster/core/rules.hpp"

namespace muster::daemon {
namespace {

namespace json = boost::json;

constexpr std::string_view evil = "<script>alert(1)</script>\"'&<b onmouseover=x>";

json::object binding(std::string_view words) {
    return {{"contact", words}, {"user_agent", words}, {"source", words}, {"path", words},
            {"flow", words},    {"expires", 3599},     {"heard", 7},      {"rtt_ms", 42},
            {"nat", true},      {"what", words},       {"why", words},    {"reason", words}};
}

/// All that a page can show, each text the same.
PageData full(std::string_view words) {
    PageData data;
    data.status = {{"version", words}, {"uptime", 90'061}, {"accounts", 1'234'567}, {"aors", 3}, {"bindings", 5}};
    data.status["queue"] = json::object{{"depth", 4}, {"capacity", 100}};
    data.status["memory"] = json::object{{"used", 12'345'678}, {"ceiling", 2'000'000'000}};
    data.status["network"] = json::object{{"connections", 10},    {"tls_connections", 2},  {"ws_connections", 3},
                                          {"wss_connections", 1}, {"datagrams_in", 1'000}, {"datagrams_out", 999}};
    data.status["limits"] = json::object{{"connections", json::object{{"limit", 50}, {"reached", 0}}},
                                         {"guesses", json::object{{"limit", 20}, {"reached", 17}}}};
    data.status["certificates"] = json::array{json::object{
        {"listener", words}, {"file", words}, {"names", json::array{words}}, {"days_left", std::int64_t{-1}}}};
    data.status["webhooks"] = json::array{json::object{{"url", words}, {"position", 8}, {"lag", 2}, {"error", words}}};
    data.health = {{"title", words}, {"reasons", json::array{words}}};
    data.domains = {json::object{{"domain", words}, {"accounts", 7}, {"aors", 3}, {"bindings", 5}}};
    data.listeners = {json::object{{"transport", "udp"}, {"address", words}},
                      json::object{{"transport", "tcp"}, {"address", words}}};
    data.registers = {json::object{{"time", words},
                                   {"aor", words},
                                   {"status", 403},
                                   {"reason", words},
                                   {"meaning", words},
                                   {"source", words},
                                   {"user_agent", words}}};
    data.trends = {{3, 1, 0.5F, 2.0F, 4.0F}, {1'200, 0, {}, {}, {}}, {6, 2, 0.25F, 8.0F, 30.0F}};
    data.search = PageSearch{
        std::string(words),
        {{"aor", words}, {"bindings", json::array{binding(words)}}},
        {{"targets", json::array{json::object{{"uri", words}, {"q", words}, {"flow", words}, {"route", {words}}}}},
         {"left_out", json::array{json::object{{"contact", words}, {"why", words}}}}},
        {{"items",
          json::array{json::object{{"at", words}, {"event", words}, {"bindings", json::array{binding(words)}}}}}}};
    return data;
}

std::string part(const PageData& data, std::string_view id) {
    for (const auto& [name, text] : page_parts(data))
        if (name == id) return text;
    return {};
}

bool has(const std::string& text, std::string_view what) { return text.find(what) != text.npos; }

TEST(Html, EscapesAllButMarkupOfOurs) {
    Html out;
    out << "<p>"_html
        << "a<b>&\"'\t\x01\x7f" << 42 << "</p>"_html;
    EXPECT_EQ(out.text(), "<p>a&lt;b&gt;&amp;&quot;&#39;   42</p>");
}

TEST(Html, FiguresForPeople) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1'000), "1,000");
    EXPECT_EQ(grouped(12'345'678), "12,345,678");
    EXPECT_EQ(lasting(0), "0 s");
    EXPECT_EQ(lasting(61), "1 min 1 s");
    EXPECT_EQ(lasting(3'600), "1 h");
    EXPECT_EQ(lasting(90'061), "1 d 1 h");
    EXPECT_EQ(bytes(999), "999 B");
    EXPECT_EQ(bytes(1'500), "1.5 kB");
    EXPECT_EQ(bytes(12'345'678), "12 MB");
    EXPECT_EQ(clipped("abc", 3), "abc");
    EXPECT_EQ(clipped("ab\xc3\xa9z", 3), "ab…") << "not within a character";
}

TEST(Page, NobodysWordsBecomeMarkup) {
    const auto text = page_text(full(evil));
    EXPECT_TRUE(has(text, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;&lt;b onmouseover=x&gt;"));
    EXPECT_FALSE(has(text, "<script>"));
    EXPECT_FALSE(has(text, "<b "));
    // The same page of harmless words has the same tags, to the last attribute's name.
    const std::regex tag("<[^>]*>"), value("\"[^\"]*\"");
    const auto skeleton = [&](const std::string& page) {
        std::string out;
        for (std::sregex_iterator it(page.begin(), page.end(), tag), end; it != end; ++it)
            out += std::regex_replace(it->str(), value, "\"\"");
        return out;
    };
    EXPECT_EQ(skeleton(text), skeleton(page_text(full("harmless"))));
}

TEST(Page, KeepsToItsPolicy) {
    const auto text = page_text(full("harmless"));
    EXPECT_FALSE(std::regex_search(text, std::regex("\\s(style|on[a-z]+)="))) << "nothing inline";
    EXPECT_FALSE(has(text, "http:"));
    EXPECT_FALSE(has(text, "https:"));
    EXPECT_TRUE(has(text, page_style.name));
    EXPECT_TRUE(has(text, page_script.name));
    EXPECT_FALSE(page_style.content.empty());
    EXPECT_FALSE(page_script.content.empty());
}

TEST(Page, IdsAreThereOnceAndEachPartHasItsElement) {
    const auto data = full("harmless");
    const auto text = page_text(data);
    const std::regex id(" id=\"([^\"]*)\"");
    std::multiset<std::string> ids;
    for (std::sregex_iterator it(text.begin(), text.end(), id), end; it != end; ++it) ids.insert(it->str(1));
    for (const auto& each : ids) EXPECT_EQ(ids.count(each), 1u) << each;
    for (const auto& [name, inner] : page_parts(data)) {
        EXPECT_EQ(ids.count(name), 1u) << name;
        EXPECT_TRUE(has(text, inner)) << name << " is on the page as it is sent later";
    }
}

TEST(Page, SaysHealthAndWhy) {
    auto data = full("the store failed 3 s ago");
    EXPECT_TRUE(has(part(data, "health"), "not ready"));
    EXPECT_TRUE(has(part(data, "health"), "<li>the store failed 3 s ago</li>"));
    data.health = {{"status", "ready"}};
    EXPECT_FALSE(has(part(data, "health"), "not"));
    EXPECT_TRUE(has(part(data, "health"), "ready"));
}

TEST(Page, SaysWhatIsCounted) {
    const auto data = full("example.com");
    const auto numbers = part(data, "numbers");
    EXPECT_TRUE(has(numbers, "of 1,234,567 accounts"));
    EXPECT_TRUE(has(numbers, ">8.00 ms<"));
    EXPECT_TRUE(has(numbers, ">12 MB<"));
    EXPECT_TRUE(has(part(data, "transports"), "4 connections")) << "TCP: 10, less TLS and WebSocket";
    EXPECT_TRUE(has(part(data, "limits"), "guesses</th><td class=\"number\" data-head=\"Met\">17<"));
    EXPECT_FALSE(has(part(data, "limits"), "connections</th><td class=\"number\" data-head=\"Met\">"));
    EXPECT_TRUE(has(part(data, "certificates"), "expired"));
    EXPECT_TRUE(has(part(data, "registers"), "href=\"ui?aor=example.com\""));
    EXPECT_TRUE(has(part(data, "registers"), "403 example.com"));
}

TEST(Page, AChallengeIsNoFault) {
    auto shown = [](int status, std::string_view rule) {
        EXPECT_TRUE(core::find_rule(rule)) << rule;
        PageData data;
        data.registers = {json::object{{"status", status}, {"rule", rule}, {"reason", "x"}}};
        const auto text = part(data, "registers");
        const auto at = text.find("<span class=\"badge");
        return text.substr(at, text.find('<', at + 1) - at);
    };
    for (auto rule : {"RFC 3261 s22.1: no usable credentials", "nonce of an earlier key",
                      "RFC 7616 s3.4: nonce count already used", "RFC 7616 s3.3: nonce is too old"})
        EXPECT_EQ(shown(401, rule), "<span class=\"badge\">401 x");
    EXPECT_EQ(shown(401, "RFC 7616 s3.4.1: wrong response"), "<span class=\"badge bad\">401 x");
    EXPECT_EQ(shown(423, "expires.min"), "<span class=\"badge bad\">423 x");
    EXPECT_EQ(shown(503, "limits.queue"), "<span class=\"badge bad\">503 x");
    EXPECT_EQ(shown(200, "RFC 3261 s10.3 step 7"), "<span class=\"badge good\">200 x");
}

TEST(Page, WhatIsNotThereTakesNoPlace) {
    const PageData nothing;
    EXPECT_EQ(part(nothing, "certificates"), "");
    EXPECT_EQ(part(nothing, "webhooks"), "");
    EXPECT_TRUE(has(part(nothing, "registers"), "None since the start"));
    EXPECT_TRUE(has(page_text(nothing), "</html>"));
}

TEST(Page, PlotsTheLastTenMinutes) {
    const auto data = full("harmless");
    const auto rate = part(data, "rate-plot");
    EXPECT_TRUE(has(rate, "6.0 accepted, 2.0 refused"));
    // Three seconds at the right end; 1,200 of a scale to 2,000 leave 40 of 100 above.
    EXPECT_TRUE(has(rate, "class=\"first\" d=\"M597 100L598 40L599 100\"")) << rate;
    // A second without a commit is a gap, and what stands alone a dot.
    EXPECT_TRUE(has(part(data, "batch-plot"), "d=\"M597 92h0M599 40h0\"")) << part(data, "batch-plot");
    EXPECT_TRUE(has(part(PageData{}, "rate-plot"), "class=\"first\" d=\"\""));
}

TEST(Page, AProblemIsSaidInItsWords) {
    auto data = full("harmless");
    data.search =
        PageSearch{"nobody@example.com", {{"title", "No Such Account"}, {"detail", "nobody@example.com"}}, {}, {}};
    const auto text = page_text(data);
    EXPECT_TRUE(has(text, "No Such Account: nobody@example.com"));
    EXPECT_FALSE(has(text, "Looked up as proxy"));
}

}  // namespace
}  // namespace muster::daemon
