// The examples of sources, read as an operator would have them and run against answers that were written down
// (tests/recorded/README.md).
#include <fstream>
#include <sstream>

#include "app/sources.h"
#include "base/temp_dir_fixture.h"
#include "discovery/web_fixture.h"

namespace weir::app {
namespace {

using discovery::Found;
using testing::ElementsAre;

std::string read(const std::string& path) {
    std::ifstream file(WEIR_SOURCE_DIR "/" + path);
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_FALSE(text.str().empty()) << path;
    return text.str();
}

class Examples : public discovery::WebTest {
  protected:
    /// The one source of the example's one pool, with other texts in its place.
    model::SourceSpec source_of(const std::string& example,
                                const std::vector<std::pair<std::string, std::string>>& replacements) {
        auto yaml = read("examples/" + example);
        for (const auto& [from, to] : replacements) {
            auto at = yaml.find(from);
            EXPECT_NE(at, yaml.npos) << from;
            if (at != yaml.npos) yaml.replace(at, from.size(), to);
        }
        auto config = config::parse(yaml, known_sources());
        EXPECT_TRUE(config) << config::describe(example, config.error());
        if (!config) return {};
        return config->pools.begin()->second.sources.at(0);
    }
    void run(const model::SourceSpec& spec) {
        auto kind = std::ranges::find(source_kinds(), spec.kind,
                                      [](const auto& each) { return each.known.section->name; });
        ASSERT_NE(kind, source_kinds().end());
        ASSERT_TRUE(make(*kind, spec));
        ASSERT_TRUE(hears_set(1)) << (heard_.failures.empty() ? "" : heard_.failures.back());
    }
    net::Ip ip(const char* text) { return net::Ip::parse(text).value(); }
};

TEST_F(Examples, KubernetesHasItsReadyEndpoints) {
    TempDir files;
    const auto authority = make_certificate({});
    secure(make_certificate({.names = "IP:127.0.0.1", .issuer = &authority}));
    serve([](const discovery::Asked&, discovery::Talk& talk) -> boost::asio::awaitable<void> {
        co_await talk.answer(read("tests/recorded/kubernetes-endpointslices.json"));
    });
    auto token = files.write("token", "eyJhbGciOi.J9\n");
    run(source_of("kubernetes-endpoints.yaml",
                  {{"https://192.0.2.10:6443", url("https")},
                   {"/etc/weir/kubernetes.token", token},
                   {"/etc/weir/kubernetes-ca.pem", files.write("ca", authority.certificate)}}));
    EXPECT_EQ(asked_[0].target,
              "/apis/discovery.k8s.io/v1/namespaces/default/"
              "endpointslices?labelSelector=kubernetes.io/service-name=web");
    EXPECT_EQ(asked_[0].headers["authorization"], "Bearer eyJhbGciOi.J9");
    EXPECT_THAT(heard_.sets[0].members, ElementsAre(Found{ip("10.244.1.17"), net::Port(8080)},
                                                    Found{ip("10.244.3.4"), net::Port(8080)}));
    EXPECT_THAT(heard_.sets[0].refused, testing::IsEmpty());
}

TEST_F(Examples, OpenioHasItsServicesByScore) {
    serve([](const discovery::Asked&, discovery::Talk& talk) -> boost::asio::awaitable<void> {
        co_await talk.answer(read("tests/recorded/openio-conscience.json"));
    });
    run(source_of("openio.yaml", {{"http://192.0.2.20:6006", url()}}));
    EXPECT_EQ(asked_[0].target, "/v3.0/OPENIO/conscience/list?type=rawx");
    EXPECT_THAT(heard_.sets[0].members, ElementsAre(Found{ip("10.20.0.11"), net::Port(6200), 93},
                                                    Found{ip("10.20.0.12"), net::Port(6200), 41},
                                                    Found{ip("10.20.0.13"), net::Port(6200), 0}));
}

}  // namespace
}  // namespace weir::app
