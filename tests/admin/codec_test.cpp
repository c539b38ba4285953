#include "muster/admin/codec.hpp"

#include <gtest/gtest.h>

#include <set>

namespace muster::admin {
namespace {

using Values = std::multimap<std::string, std::string, std::less<>>;

const Command& command(std::string_view noun, std::string_view verb) {
    for (const auto& each : commands())
        if (each.noun == noun && each.verb == verb) return each;
    throw std::logic_error("no such command");
}

/// The detail or title of what decode() refuses; "" when it does not.
std::string refusal(std::string_view method, std::string_view target, std::string_view type = {},
                    std::string body = {}) {
    auto decoded = decode(method, target, type, std::move(body));
    auto* reply = std::get_if<Reply>(&decoded);
    return reply ? reply->body : "";
}

Request request(std::string_view method, std::string_view target, std::string_view type = {}, std::string body = {}) {
    auto decoded = decode(method, target, type, std::move(body));
    if (auto* reply = std::get_if<Reply>(&decoded)) ADD_FAILURE() << reply->body;
    auto* found = std::get_if<Request>(&decoded);
    return found ? *found : Request{};
}

TEST(Commands, HaveAllOfTheContract) {
    std::set<std::string> names;
    for (const auto& each : commands()) {
        EXPECT_TRUE(names.insert(std::string(each.noun) + ' ' + std::string(each.verb)).second) << each.noun;
        EXPECT_FALSE(each.summary.empty());
        EXPECT_EQ(each.method.empty(), each.path.empty());
    }
    for (auto name :
         {"accounts add", "accounts remove", "accounts disable", "accounts enable", "accounts list", "accounts passwd",
          "accounts import", "bindings list", "bindings show", "bindings count", "bindings add", "bindings remove",
          "lookup ", "status ", "config check", "config reload", "domains list"})
        EXPECT_TRUE(names.contains(name)) << name;
}

/// Every command with every parameter survives the way to HTTP and back.
TEST(Codec, RoundTripOfEveryCommand) {
    for (const auto& each : commands()) {
        if (each.method.empty()) continue;
        Request sent;
        sent.command = &each;
        for (const auto& parameter : each.parameters) {
            if (parameter.kind == Parameter::Kind::file || parameter.kind == Parameter::Kind::password_stdin) {
                sent.body = "a b%\n&=";
                continue;
            }
            const bool is_flag = parameter.kind == Parameter::Kind::flag;
            sent.values.emplace(parameter.name, is_flag ? "true" : "sip:a%2F/b?c&d=e;f g\xc3\xa9@example.com");
            if (parameter.kind == Parameter::Kind::repeated_option) sent.values.emplace(parameter.name, "second");
        }
        auto got = request(each.method, target_of(sent), "application/octet-stream", sent.body);
        EXPECT_EQ(got.command, &each) << each.noun << ' ' << each.verb;
        EXPECT_EQ(got.values, sent.values);
        EXPECT_EQ(got.body, sent.body);
    }
}

TEST(Codec, AFlagIsThereOrNot) {
    const std::string json = "application/json";
    for (auto yes : {"true", "1"})
        EXPECT_TRUE(request("DELETE", "/v1/bindings?match=*&yes=" + std::string(yes)).values.contains("yes")) << yes;
    EXPECT_TRUE(request("DELETE", "/v1/bindings", json, R"({"match":"*","yes":true})").values.contains("yes"));
    for (auto no : {"false", "0"})
        EXPECT_FALSE(request("DELETE", "/v1/bindings?match=*&yes=" + std::string(no)).values.contains("yes")) << no;
    EXPECT_FALSE(request("DELETE", "/v1/bindings", json, R"({"match":"*","yes":false})").values.contains("yes"));
    for (auto bad : {"", "no", "x", "2"})
        EXPECT_NE(refusal("DELETE", "/v1/bindings?match=*&yes=" + std::string(bad)), "") << bad;
}

TEST(Codec, TargetsAreTheOnesOfTheDocument) {
    Request show{&command("bindings", "show"), {{"aor", "sip:alice@example.com"}}, {}, 0};
    EXPECT_EQ(target_of(show), "/v1/bindings/sip%3aalice%40example.com");
    Request add{
        &command("bindings", "add"), {{"aor", "alice@example.com"}, {"uri", "sip:a@b;x"}, {"expires", "1h"}}, {}, 0};
    EXPECT_EQ(target_of(add), "/v1/bindings/alice%40example.com?expires=1h&uri=sip%3aa%40b%3bx");
}

TEST(Codec, RoutesPlainTargets) {
    EXPECT_EQ(request("GET", "/v1/bindings/alice@example.com").value("aor"), "alice@example.com");
    EXPECT_EQ(request("GET", "/v1/bindings/count").command, &command("bindings", "count"));
    EXPECT_EQ(request("POST", "/v1/accounts/import", {}, "x").command, &command("accounts", "import"));
    EXPECT_EQ(request("GET", "/v1/bindings?limit=5&cursor=").values, (Values{{"limit", "5"}, {"cursor", ""}}));
    EXPECT_EQ(request("GET", "/v1/bindings?").values, Values{});
}

TEST(Codec, ProblemsAreUtf8WhateverTheyName) {
    EXPECT_EQ(problem(Code::usage, "Bad", "a\xff\xc3\xa9\xe2\x82\xed").body,
              "{\"type\":\"urn:muster:problem:usage\",\"title\":\"Bad\",\"status\":400,\"detail\":\"a?\xc3\xa9???\"}");
}

TEST(Codec, ReadsJsonBodies) {
    auto add = request("POST", "/v1/accounts/alice@example.com", "Application/JSON; charset=utf-8",
                       R"({"password":"\u00e9 x","username":"al","alias":["a@example.com","b@example.com"]})");
    EXPECT_EQ(add.body, "\xc3\xa9 x");
    EXPECT_EQ(
        add.values,
        (Values{
            {"aor", "alice@example.com"}, {"username", "al"}, {"alias", "a@example.com"}, {"alias", "b@example.com"}}));
    auto import = request("POST", "/v1/accounts/import", "application/json", "{\"not\": read");
    EXPECT_EQ(import.body, "{\"not\": read") << "a file stays as sent";
}

TEST(Codec, RefusesWhatItDoesNotKnow) {
    EXPECT_EQ(
        refusal("GET", "/v1/nothing"),
        R"({"type":"urn:muster:problem:not-found","title":"no such resource","status":404,"detail":"GET /v1/nothing"})");
    EXPECT_EQ(
        refusal("PATCH", "/v1/status"),
        R"({"type":"urn:muster:problem:not-found","title":"no such resource","status":404,"detail":"PATCH /v1/status"})");
    EXPECT_NE(refusal("GET", "/v1/bindings/"), "") << "an empty AOR";
    EXPECT_NE(refusal("GET", ""), "");
    EXPECT_EQ(refusal("GET", "/v1/status?x=1"),
              R"({"type":"urn:muster:problem:usage","title":"unknown parameter","status":400,"detail":"x"})");
    EXPECT_EQ(refusal("GET", "/v1/bindings?limit=1&limit=2"),
              R"({"type":"urn:muster:problem:usage","title":"parameter given twice","status":400,"detail":"limit"})");
    EXPECT_EQ(refusal("GET", "/v1/bindings/a%4"),
              R"({"type":"urn:muster:problem:usage","title":"bad percent-encoding","status":400,"detail":"a%4"})");
    EXPECT_EQ(
        refusal("GET", "/v1/bindings?limit=%zz"),
        R"({"type":"urn:muster:problem:usage","title":"bad percent-encoding","status":400,"detail":"limit=%zz"})");
    EXPECT_EQ(refusal("PUT", "/v1/bindings/alice@example.com"),
              R"({"type":"urn:muster:problem:usage","title":"missing parameter","status":400,"detail":"uri"})");
    EXPECT_EQ(refusal("DELETE", "/v1/bindings/alice@example.com?uri="),
              R"({"type":"urn:muster:problem:usage","title":"empty parameter","status":400,"detail":"uri"})")
        << "not all of them";
    EXPECT_EQ(request("DELETE", "/v1/bindings/alice@example.com").value("uri"), "");
    EXPECT_EQ(refusal("PUT", "/v1/accounts/alice@example.com/password"),
              R"({"type":"urn:muster:problem:usage","title":"empty password","status":400})");
    EXPECT_EQ(
        refusal("POST", "/v1/accounts/a@b?password-stdin=x", {}, "secret"),
        R"({"type":"urn:muster:problem:usage","title":"unknown parameter","status":400,"detail":"password-stdin"})")
        << "a password in a target would end in logs";
}

TEST(Codec, RefusesBadJson) {
    const std::string target = "/v1/accounts/alice@example.com";
    for (auto body : {"{", "[]", "7", "{\"password\":7}", "{\"alias\":[7]}", "{\"alias\":{}}", "{\"username\":null}",
                      "{\"aor\":\"bob@example.com\",\"password\":\"x\"}", "{\"username\":\"x\"}"})
        EXPECT_NE(refusal("POST", target, "application/json", body), "") << body;
}

TEST(Codec, StatusesGoBothWays) {
    for (auto code :
         {Code::done, Code::refused, Code::usage, Code::not_found, Code::unreachable, Code::conflict, Code::timed_out})
        EXPECT_EQ(code_from(http_status(code)), code);
    EXPECT_EQ(code_from(204), Code::done);
    EXPECT_EQ(code_from(412), Code::conflict);
    EXPECT_EQ(code_from(413), Code::usage);
    EXPECT_EQ(code_from(500), Code::refused);
}

}  // namespace
}  // namespace muster::admin
