#include "muster/auth/digest.hpp"

#include "../../src/auth/hash.hpp"
#include "support.hpp"

namespace muster::auth {
namespace {

TEST(Vectors, Rfc2617) {
    const auto ha1 = ha1_hex(Algorithm::md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
    EXPECT_EQ(ha1, "939e7578ed9e3c518a452acee763bce9");
    Answer answer{.ha1 = ha1,
                  .nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                  .nc = "00000001",
                  .cnonce = "0a4f113b",
                  .qop = "auth",
                  .method = "GET",
                  .uri = "/dir/index.html"};
    EXPECT_EQ(response_hex(answer), "6629fae49393a05397450978507c4ef1");
}

TEST(Vectors, Rfc7616Section391) {
    struct {
        Algorithm algorithm;
        std::string_view response;
    } cases[] = {{Algorithm::md5, "8ca523f5e9506fed4657c9700eebdbec"},
                 {Algorithm::sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"}};
    for (const auto& [algorithm, response] : cases) {
        const auto ha1 = ha1_hex(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
        EXPECT_EQ(response_hex({.algorithm = algorithm,
                                .ha1 = ha1,
                                .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                                .nc = "00000001",
                                .cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                                .qop = "auth",
                                .method = "GET",
                                .uri = "/dir/index.html"}),
                  response);
    }
}

// RFC 7616 s3.9.2 with the values of erratum 4897: those printed are of a draft of SHA-512/256.
TEST(Vectors, Rfc7616Section392) {
    const auto ha1 = ha1_hex(Algorithm::sha512_256, "J\xc3\xa4s\xc3\xb8n Doe", "api@example.org", "Secret, or not?");
    EXPECT_EQ(response_hex({.algorithm = Algorithm::sha512_256,
                            .ha1 = ha1,
                            .nonce = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
                            .nc = "00000001",
                            .cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
                            .qop = "auth",
                            .method = "GET",
                            .uri = "/doe.json"}),
              "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
}

// RFC 2069 s2.4 with the response of erratum 749.
TEST(Vectors, Rfc2069) {
    const auto ha1 = ha1_hex(Algorithm::md5, "Mufasa", "testrealm@host.com", "CircleOfLife");
    EXPECT_EQ(
        response_hex(
            {.ha1 = ha1, .nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093", .method = "GET", .uri = "/dir/index.html"}),
        "1949323746fe6a43ef61f9606e7febea");
}

/// Parts longer than what is gathered before it is hashed; made with Python's hashlib.
TEST(Vectors, LongParts) {
    const std::string longest(600, 'u'), name(300, 'n'), password(300, 'p');
    EXPECT_EQ(ha1_hex(Algorithm::md5, longest, "r", "p"), "df98aad4bbb76fa4370c8d8949ba3f15");
    EXPECT_EQ(ha1_hex(Algorithm::sha256, longest, "r", "p"),
              "37ea68eddcf145c1c8eab1af411c850fb2e91995c7bd0b70846f0c6e4e029c98");
    EXPECT_EQ(ha1_hex(Algorithm::md5, name, "r", password), "ab9dea2d2e9f7bc511140965921d26c1");
    EXPECT_EQ(ha1_hex(Algorithm::sha256, name, "r", password),
              "806974e615c38273a0879910d3a5d5c015aadf52cd6e72ed02e40f6780e2a11c");
}

TEST(EqualBytes, OfOneSize) {
    const std::array<std::uint8_t, 3> bytes{1, 2, 3};
    EXPECT_TRUE(equal_bytes(bytes, bytes));
    EXPECT_FALSE(equal_bytes(bytes, std::span(bytes).first(2)));
}

TEST_F(DigestTest, AcceptsEachOfferedAlgorithm) {
    settings.algorithms = {Algorithm::sha512_256, Algorithm::sha256, Algorithm::md5};
    for (auto algorithm : settings.algorithms) {
        auto with = login();
        with.algorithm = algorithm;
        auto verdict = judge({with.field()});
        EXPECT_EQ(verdict.outcome, Outcome::accepted) << name_of(algorithm) << ": " << verdict.rule;
        ASSERT_TRUE(verdict.account);
        EXPECT_EQ(verdict.account->aor, "sip:alice@example.com");
        EXPECT_EQ(verdict.username, "alice");
    }
}

TEST_F(DigestTest, NoAlgorithmMeansMd5) {
    auto with = login();
    auto field = with.field();
    field.erase(field.find(", algorithm=MD5"), std::string_view(", algorithm=MD5").size());
    EXPECT_EQ(judge({field}).outcome, Outcome::accepted);
}

TEST_F(DigestTest, RefusesAlgorithmNotOffered) {
    settings.algorithms = {Algorithm::sha256};
    EXPECT_EQ(outcome(login()), Outcome::no_credentials);
    auto with = login();
    auto field = with.field();
    field.replace(field.find("=MD5"), 4, "=MD5-sess");
    EXPECT_EQ(judge({field}).outcome, Outcome::no_credentials);
}

TEST_F(DigestTest, UserNameWithDomain) {
    auto with = login();
    with.username = "alice@example.com";
    auto verdict = judge({with.field()});
    EXPECT_EQ(verdict.outcome, Outcome::accepted);
    ASSERT_TRUE(verdict.account);
    EXPECT_EQ(verdict.account->aor, "sip:alice@example.com");
    with = login();
    with.username = "alice@example.org";
    EXPECT_EQ(outcome(with), Outcome::wrong);
    with = login();
    with.username = "alice@";
    EXPECT_EQ(outcome(with), Outcome::wrong);
}

TEST_F(DigestTest, NoneOrUnreadableIsNoCredentials) {
    EXPECT_EQ(judge({}).outcome, Outcome::no_credentials);
    EXPECT_EQ(judge({"Basic YWxpY2U6c2VjcmV0"}).outcome, Outcome::no_credentials);
    auto with = login();
    const auto good = with.field();
    for (std::string tail : {", realm=\"example.com\"", ", username*=UTF-8''alice", ", userhash=true", ",", ", x",
                             " y=1", ", opaque=\"\", opaque=\"\"", ", z=\"unended"})
        EXPECT_EQ(judge({good + tail}).outcome, Outcome::no_credentials) << tail;
    for (std::string_view part : {"username=", "realm=", "nonce=\"", "uri=", "response=", "nc=", "cnonce="}) {
        auto field = good;
        field.insert(field.find(part), "x-");
        EXPECT_EQ(judge({field}).outcome, Outcome::no_credentials) << part;
    }
    EXPECT_EQ(judge({good + ", userhash=false, opaque=\"\""}).outcome, Outcome::accepted);
}

TEST_F(DigestTest, QopMustBeAuth) {
    for (std::string qop : {"auth-int", "auth,auth-int", "x"}) {
        auto with = login();
        with.qop = qop == "auth,auth-int" ? "\"auth,auth-int\"" : qop;
        EXPECT_EQ(outcome(with), Outcome::no_credentials) << qop;
    }
    auto with = login();
    auto field = with.field();
    field.replace(field.find("qop=auth"), 8, "qop=\"auth\"");
    EXPECT_EQ(judge({field}).outcome, Outcome::accepted);
}

TEST_F(DigestTest, NonceCountIsEightHexDigitsFromOne) {
    for (std::string nc : {"1", "0000001", "000000001", "0000000g", "00000000", "-0000001", "\"00000001 \""}) {
        auto with = login();
        with.nc = nc;
        EXPECT_EQ(outcome(with), Outcome::no_credentials) << nc;
    }
    auto with = login();
    with.nc = "fffffffF";
    EXPECT_EQ(outcome(with), Outcome::accepted);
}

TEST_F(DigestTest, OtherRealmIsNotOurs) {
    auto with = login();
    with.realm = "example.org";
    EXPECT_EQ(outcome(with), Outcome::no_credentials);
    with.realm = "Example.com";
    EXPECT_EQ(outcome(with), Outcome::no_credentials);
}

TEST_F(DigestTest, TakesTheFirstForOurRealmAndAlgorithms) {
    auto other = login(), right = login(), wrong = login();
    other.realm = "elsewhere.example";
    wrong.password = "guess";
    EXPECT_EQ(judge({"Bearer abc", other.field(), right.field()}).outcome, Outcome::accepted);
    EXPECT_EQ(judge({wrong.field(), login().field()}).outcome, Outcome::wrong);
}

TEST_F(DigestTest, WrongPasswordUnknownUserAndDisabledAreOneAnswer) {
    auto wrong = login(), unknown = login(), disabled = login(), sleeping_guess = login();
    wrong.password = "guess";
    unknown.username = "mallory";
    disabled.username = "bob";
    disabled.password = "bob-secret";
    sleeping_guess.username = "bob";
    for (const auto& with : {wrong, unknown, disabled, sleeping_guess}) {
        auto verdict = judge({with.field()});
        EXPECT_EQ(verdict.outcome, Outcome::wrong);
        EXPECT_EQ(verdict.rule, "RFC 7616 s3.4.1: wrong response");
        EXPECT_EQ(verdict.account, nullptr);
    }
}

// Whoever reads the source knows what is computed for unknown users: it must not let them in.
TEST_F(DigestTest, HashOfNobodyOpensNothing) {
    auto with = login();
    with.username = "mallory";
    const std::string nobody = "6d757374657200000000000000000000";
    const auto response = response_hex({.ha1 = nobody,
                                        .nonce = with.nonce,
                                        .nc = with.nc,
                                        .cnonce = with.cnonce,
                                        .qop = "auth",
                                        .method = "REGISTER",
                                        .uri = with.uri});
    EXPECT_EQ(judge({with.field(response)}).outcome, Outcome::wrong);
}

TEST_F(DigestTest, AccountWithoutThatHash) {
    auto account = make_account("sip:carol@example.com", "carol", "example.com", "carol-secret");
    account.ha1[static_cast<std::size_t>(Algorithm::sha256)] = {};
    accounts.publish(account, 3);
    auto with = login();
    with.username = "carol", with.password = "carol-secret";
    EXPECT_EQ(outcome(with), Outcome::accepted);
    with = login();
    with.username = "carol", with.password = "carol-secret", with.algorithm = Algorithm::sha256;
    EXPECT_EQ(outcome(with), Outcome::wrong);
}

TEST_F(DigestTest, ResponseMustBeOneWholeDigest) {
    auto with = login();
    const auto right = with.response();
    for (const auto& response : {right.substr(0, 31), right.substr(0, 2), right + "0", right + right, right.substr(1),
                                 " " + right, std::string(32, '0'), std::string(32, 'g')})
        EXPECT_EQ(judge({with.field(response)}).outcome, Outcome::wrong) << response;
    auto empty = with.field();
    empty.erase(empty.find(right), right.size());
    EXPECT_EQ(judge({empty}).outcome, Outcome::wrong);
    with.algorithm = Algorithm::sha256;  // the MD5 digest is a prefix of nothing
    EXPECT_EQ(judge({with.field(right)}).outcome, Outcome::wrong);
    EXPECT_EQ(judge({with.field(with.response().substr(0, 32))}).outcome, Outcome::wrong);
    EXPECT_EQ(judge({with.field()}).outcome, Outcome::accepted);
}

TEST_F(DigestTest, EveryDigitOfTheResponseCounts) {
    auto with = login();
    const auto right = with.response();
    for (std::size_t i = 0; i < right.size(); ++i) {
        auto response = right;
        response[i] = response[i] == '0' ? '1' : '0';
        EXPECT_EQ(judge({with.field(response)}).outcome, Outcome::wrong) << i;
    }
}

TEST_F(DigestTest, UriIsHashedAsSentAndComparedLeniently) {
    for (std::string uri : {"sip:example.com", "sip:EXAMPLE.com:5060", "sips:example.com", "sip:sip.example.com;lr",
                            "sip:192.0.2.1", "sip:192.0.2.1:5060", "sip:alice@example.com"}) {
        auto with = login();
        with.uri = uri;
        auto verdict = judge({with.field()});
        EXPECT_EQ(verdict.outcome, Outcome::accepted) << uri << ": " << verdict.rule;
    }
    for (std::string uri : {"sip:evil.example", "sip:example.org", "tel:+1", "http://example.com/", "example.com", "",
                            "sip:192.0.2.2", "sip:example.com.evil.example"}) {
        auto with = login();
        with.uri = uri;
        EXPECT_EQ(outcome(with), Outcome::wrong) << uri;
    }
}

TEST_F(DigestTest, UriMayNameTheDomainOfARequestToAnAddressOfOurs) {
    const std::tuple<std::string, std::string, Outcome> cases[] = {
        {"sip:192.0.2.1", "sip:example.com", Outcome::accepted},
        {"sip:192.0.2.2", "sip:example.com", Outcome::wrong},
        {"sip:sip.example.com", "sip:example.com", Outcome::accepted},
        {"sip:example.org", "sip:example.com", Outcome::wrong},
    };
    for (const auto& [request_uri, uri, expected] : cases) {
        asked = request_uri;
        auto with = login();
        with.uri = uri;
        EXPECT_EQ(outcome(with), expected) << request_uri << " " << uri;
    }
}

TEST_F(DigestTest, UserOfAClaim) {
    const std::pair<std::string, std::string> cases[] = {{"alice", "alice"},
                                                         {"alice@example.com", "alice"},
                                                         {"alice@example.org", "alice@example.org"},
                                                         {"a\\\"b@example.com", "a\"b"}};
    std::string scratch;
    for (const auto& [sent, user] : cases)
        EXPECT_EQ(user_of({.username = sent, .nonce = "", .uri = "", .response = ""}, settings, scratch), user);
}

TEST_F(DigestTest, MethodIsHashed) {
    auto with = login();
    with.method = "INVITE";
    EXPECT_EQ(outcome(with), Outcome::wrong);
}

TEST_F(DigestTest, ForgedNonceIsWrong) {
    auto with = login();
    for (std::size_t i = 6; i < with.nonce.size(); ++i) {  // the first characters hold the boot
        auto forged = with;
        forged.nonce[i] = forged.nonce[i] == 'A' ? 'B' : 'A';
        EXPECT_EQ(outcome(forged), Outcome::wrong) << i;
    }
    for (std::string nonce : {std::string(), with.nonce.substr(1), with.nonce + "A", std::string("dcd98b7102dd2f0e")}) {
        auto forged = with;
        forged.nonce = nonce;
        EXPECT_EQ(outcome(forged), Outcome::wrong) << nonce;
    }
    auto other_realm = with;
    other_realm.nonce.clear();
    keys.append(other_realm.nonce, "example.org", random, now.mono);
    EXPECT_EQ(outcome(other_realm), Outcome::wrong);
    EXPECT_EQ(outcome(with), Outcome::accepted);
}

TEST_F(DigestTest, NonceOfAnotherBootIsStaleOnlyWithTheRightPassword) {
    SeededRandom other_random(99);
    NonceKeys before(other_random);
    now = at(1'000);  // shortly after a start, when no nonce can be old
    auto with = login();
    with.nonce.clear();
    before.append(with.nonce, settings.realm, other_random, now.mono);
    EXPECT_EQ(outcome(with), Outcome::stale);
    with.password = "guess";
    EXPECT_EQ(outcome(with), Outcome::wrong);
}

TEST_F(DigestTest, OldNonceIsStaleOnlyWithTheRightPassword) {
    auto with = login(), last = login();
    now = at(1'000'000 + settings.nonce_life.count() - 1);
    EXPECT_EQ(outcome(last), Outcome::accepted);
    now = at(1'000'000 + settings.nonce_life.count());
    EXPECT_EQ(outcome(with), Outcome::stale);
    with.password = "guess";
    EXPECT_EQ(outcome(with), Outcome::wrong);
}

TEST_F(DigestTest, ReplayIsRefusedAlsoWithAnotherContact) {
    auto with = login();
    EXPECT_EQ(outcome(with), Outcome::accepted);
    EXPECT_EQ(judge({with.field()}, "<sip:mallory@198.51.100.6>").outcome, Outcome::stale);
    EXPECT_EQ(judge({with.field()}, "*").outcome, Outcome::stale);
    with.nc = "00000002";
    EXPECT_EQ(outcome(with), Outcome::accepted);
    auto bumped = with.field(with.response());
    bumped.replace(bumped.find("nc=00000002"), 11, "nc=00000003");  // nc is in the digest
    EXPECT_EQ(judge({bumped}).outcome, Outcome::wrong);
}

TEST_F(DigestTest, WrongPasswordUsesUpNothing) {
    auto with = login(), guess = with;
    guess.password = "guess";
    EXPECT_EQ(outcome(guess), Outcome::wrong);
    EXPECT_EQ(outcome(with), Outcome::accepted);
}

TEST_F(DigestTest, WithoutQopANonceServesOnce) {
    auto with = login();
    with.qop.clear();
    EXPECT_EQ(outcome(with), Outcome::accepted);
    EXPECT_EQ(outcome(with), Outcome::stale);
    with.qop = "auth", with.nc = "00000009";
    EXPECT_EQ(outcome(with), Outcome::stale);
    auto after_count = login();
    EXPECT_EQ(outcome(after_count), Outcome::accepted);
    after_count.qop.clear();
    EXPECT_EQ(outcome(after_count), Outcome::stale);
}

TEST_F(DigestTest, QuotedPairsAreResolvedForLookUpAndHashedAsSent) {
    auto account = make_account("sip:q%22q@example.com", "q\"q", "example.com", "s");
    accounts.publish(account, 4);
    auto with = login();
    with.username = "q\"q", with.password = "s", with.cnonce = "a\\\"b";
    const auto response = with.response();
    with.username = "q\\\"q";
    auto verdict = judge({with.field(response)});
    EXPECT_EQ(verdict.outcome, Outcome::accepted) << verdict.rule;
    EXPECT_EQ(verdict.username, "q\\\"q");
}

TEST_F(DigestTest, FoldsBetweenParametersOnly) {
    auto with = login();
    auto field = with.field();
    auto folded = field;
    folded.replace(folded.find(", realm"), 2, "\r\n ,\r\n\t");
    EXPECT_EQ(judge({folded}).outcome, Outcome::accepted);
    with = login();
    folded = with.field();
    folded.insert(folded.find("example.com\", nonce"), "\r\n ");
    EXPECT_EQ(judge({folded}).outcome, Outcome::no_credentials);
}

}  // namespace
}  // namespace muster::auth
