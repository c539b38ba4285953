// Time tells who exists, unless the work is the same. Digests are counted where they end, in the library.

#define OPENSSL_SUPPRESS_DEPRECATED
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/md5.h>

#include "support.hpp"

namespace {
int digests = 0;
}

extern "C" int MD5_Final(unsigned char* out, MD5_CTX* context) {
    ++digests;
    static const auto next = reinterpret_cast<decltype(&MD5_Final)>(dlsym(RTLD_NEXT, "MD5_Final"));
    return next(out, context);
}

extern "C" int EVP_DigestFinal_ex(EVP_MD_CTX* context, unsigned char* out, unsigned* size) {
    ++digests;
    static const auto next = reinterpret_cast<decltype(&EVP_DigestFinal_ex)>(dlsym(RTLD_NEXT, "EVP_DigestFinal_ex"));
    return next(context, out, size);
}

namespace muster::auth {
namespace {

TEST_F(DigestTest, UnknownUsersCostTheSameWork) {
    for (auto algorithm : settings.algorithms) {
        auto wrong = login();
        wrong.algorithm = algorithm;
        auto unknown = wrong, disabled = wrong;
        wrong.password = "guess";
        unknown.username = "mallory";
        disabled.username = "bob";
        auto cost = [&](const auto& with) {
            const auto field = with.field();
            digests = 0;
            EXPECT_EQ(judge({field}).outcome, Outcome::wrong);
            return digests;
        };
        const auto known = cost(wrong);
        EXPECT_EQ(known, 2) << "of A2, and the response";
        EXPECT_EQ(cost(unknown), known);
        EXPECT_EQ(cost(disabled), known);
    }
}

}  // namespace
}  // namespace muster::auth
