#include "base/pem.h"

#include <gtest/gtest.h>

#include "base/pem_fixture.h"

namespace weir {
namespace {

TEST(Pem, HasCertificatesInTheirOrder) {
    auto authority = make_certificate({});
    auto server = make_certificate({.names = "DNS:www.example.org", .issuer = &authority});
    auto read = read_certificates("words before it\n" + server.certificate + "\n" + authority.certificate);
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read->size(), 2u);
    auto key = read_private_key(server.key);
    ASSERT_TRUE(key);
    EXPECT_TRUE(belong_together(read->at(0), *key));
    EXPECT_FALSE(belong_together(read->at(1), *key));
}

TEST(Pem, OfAnotherThingHasNone) {
    auto made = make_certificate({});
    EXPECT_FALSE(read_certificates(""));
    EXPECT_FALSE(read_certificates(made.key));
    EXPECT_FALSE(read_private_key(made.certificate));
}

TEST(Pem, ThatIsBrokenIsRefusedAsAWhole) {
    auto made = make_certificate({});
    auto broken = made.certificate;
    broken.insert(broken.find('\n') + 1, "!!!!");
    auto read = read_certificates(made.certificate + broken);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "certificate 2 is broken");
}

TEST(Pem, UnderAPassphraseIsNotAskedFor) {
    auto made = make_certificate({});
    auto bio = made::over(made.key);
    auto* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr);
    auto* out = BIO_new(BIO_s_mem());
    char passphrase[] = "secret";
    PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), reinterpret_cast<unsigned char*>(passphrase), 6,
                             nullptr, nullptr);
    EVP_PKEY_free(key);
    EXPECT_FALSE(read_private_key(made::text_of(out)));
}

}  // namespace
}  // namespace weir
