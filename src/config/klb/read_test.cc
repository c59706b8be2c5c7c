#include "config/klb/read.h"

#include <gmock/gmock.h>

#include "config/klb/fake_surroundings.h"
#include "config/klb/includes.h"

namespace weir::config::klb {
namespace {

using testing::ElementsAre;

/// Has klb.conf, and what else is given.
FakeSurroundings files(std::string text, std::map<std::string, std::string> others = {}) {
    FakeSurroundings outside;
    outside.files = std::move(others);
    outside.files["klb.conf"] = std::move(text);
    return outside;
}

std::string texts(const std::vector<Remark>& remarks) {
    std::string text;
    for (const auto& remark : remarks) text += remark.text() + '\n';
    return text;
}

Configuration accepted(const FakeSurroundings& outside) {
    auto read = klb::read("klb.conf", outside);
    if (read) return *std::move(read);
    ADD_FAILURE() << texts(read.error());
    return {};
}

std::string mistakes(const FakeSurroundings& outside) {
    auto read = klb::read("klb.conf", outside);
    return read ? "" : texts(read.error());
}

std::string warnings(const FakeSurroundings& outside) {
    return texts(accepted(outside).warnings);
}

/// A service that is whole with these lines.
std::string service(const std::string& lines) {
    return "service {\n" + lines + "\nbind \"192.0.2.1:80\"\nzeroconf_service \"web\"\n}\n";
}

std::vector<std::string> binds(const Configuration& configuration) {
    std::vector<std::string> all;
    for (const auto& each : configuration.services) all.push_back(each.bind.text());
    return all;
}

TEST(Klb, ReadsTheExampleOfItsReadme) {
    auto read = accepted(files(R"(service {
  bind "1.2.3.4:80"
  zeroconf_service "foo"
  zeroconf_interface "service"
}
)"));
    ASSERT_EQ(read.services.size(), 1u);
    const auto& foo = read.services[0];
    EXPECT_EQ(foo.bind.text(), "1.2.3.4:80");
    EXPECT_EQ(foo.type, "_foo._tcp");
    EXPECT_EQ(foo.interface, "service");
    EXPECT_EQ(foo.domain, "");
    EXPECT_EQ(foo.scheduler, "rr");
    EXPECT_EQ(foo.at.file, "klb.conf");
    EXPECT_EQ(foo.at.at, (Place{1, 1}));
    EXPECT_EQ(texts(read.warnings), "");
}

TEST(Klb, ReadsEveryDirective) {
    auto read =
        accepted(files("service {\nbind 192.0.2.1:8080\nscheduler 'wlc'\nzeroconf_type _web._udp\n"
                       "zeroconf_domain dc1.example.org\nzeroconf_interface \"eth1\"\n}\n"));
    ASSERT_EQ(read.services.size(), 1u);
    const auto& web = read.services[0];
    EXPECT_EQ(web.bind.text(), "192.0.2.1:8080");
    EXPECT_EQ(web.scheduler, "wlc");
    EXPECT_EQ(web.type, "_web._udp");
    EXPECT_EQ(web.domain, "dc1.example.org");
    EXPECT_EQ(web.interface, "eth1");
}

TEST(Klb, KeepsServicesInTheOrderOfTheText) {
    auto block = [](const char* port) {
        return std::string("service {\nbind 192.0.2.1:") + port + "\nzeroconf_service web\n}\n";
    };
    EXPECT_THAT(binds(accepted(files(block("81") + block("80") + block("82")))),
                ElementsAre("192.0.2.1:81", "192.0.2.1:80", "192.0.2.1:82"));
}

TEST(Klb, TakesAddressesAndPortsAsTheSystemDoes) {
    auto bound = [](const std::string& bind) {
        return binds(accepted(files("service {\nbind \"" + bind + "\"\nzeroconf_service web\n}\n")));
    };
    EXPECT_THAT(bound("[192.0.2.1]:80"), ElementsAre("192.0.2.1:80"));
    EXPECT_THAT(bound("192.0.2.1:http"), ElementsAre("192.0.2.1:80"));
    EXPECT_THAT(bound("192.0.2.1:0080"), ElementsAre("192.0.2.1:80"));
    EXPECT_THAT(bound("192.0.2.010:80"), ElementsAre("192.0.2.8:80"));
    EXPECT_EQ(warnings(files("service {\nbind '192.0.2.010:80'\nzeroconf_service web\n}\n")),
              "klb.conf:2:6: '192.0.2.010:80' is 192.0.2.8:80, as klb reads it\n");
}

TEST(Klb, SkipsCommentsAndWhiteSpaceOfAnyKind) {
    EXPECT_EQ(binds(accepted(files("# comment { } @set ${x}\n\r\n\t service \t{ \r\n  #\xfc\n" +
                                   service("").substr(9))))
                  .size(),
              1u);
    EXPECT_EQ(binds(accepted(files("service {\nbind 192.0.2.1:80\nzeroconf_service web\n}"))).size(), 1u);
}

TEST(Klb, PutsVariablesIntoDoubleQuotesAndBareIntoSingleOnes) {
    auto domain = [](const std::string& before, const std::string& value) {
        auto read = accepted(files(before + service("zeroconf_domain " + value)));
        return read.services.empty() ? "" : read.services[0].domain;
    };
    EXPECT_EQ(domain("@set here=\"dc1\"\n", "\"${here}.example.org\""), "dc1.example.org");
    EXPECT_EQ(domain("@set here = 'dc1'\n", "${here}"), "dc1");
    EXPECT_EQ(domain("@set a=\"dc1\"\n@set b=\"${a}.local\"\n", "${b}"), "dc1.local");
    EXPECT_EQ(domain("@set a=\"one\"\n@set a=\"two\"\n", "${a}"), "two");
    EXPECT_EQ(domain("@set a=\"dc\"\n@set b=\"1\"\n", "\"${a}${b}.x\""), "dc1.x");
    EXPECT_EQ(domain("@set q='\\'local\\''\n@set d=\"local\"\n", "\"${d}\""), "local");
}

TEST(Klb, LeavesSingleQuotesAlone) {
    EXPECT_EQ(mistakes(files("@set d=\"local\"\n" + service("zeroconf_domain '${d}'"))),
              "klb.conf:3:17: '${d}' is not a domain; write one such as local or dc1.example.org\n");
}

TEST(Klb, KeepsVariablesFromOneFileToTheNextAndInServices) {
    EXPECT_THAT(
        binds(accepted(files("@include 'variables'\nservice {\n@set port=\"81\"\nbind \"${ip}:${port}\"\n"
                             "zeroconf_service web\n}\n",
                             {{"variables", "@set ip='192.0.2.7'\n"}}))),
        ElementsAre("192.0.2.7:81"));
}

TEST(Klb, SaysWhatIsWrongWithVariables) {
    struct {
        std::string text, mistake;
    } rows[] = {
        {"${x}", "1:1: no variable 'x' is set; write @set x=\"…\" on a line before"},
        {"@set name='1'\nbind \"${nmae}\"", "2:7: no variable 'nmae' is set; did you mean 'name'?"},
        {"bind \"${}\"", "1:7: no name stands behind '${'; write it as in ${address}"},
        {"bind \"${x\"", "1:7: '}' is missing; write ${x}"},
        {"@set", "1:5: no variable's name stands here; write @set NAME=\"VALUE\""},
        {"@set x \"1\"", "1:8: '=' is missing; write @set x=\"VALUE\""},
        {"@set x=1", "1:8: no quoted text stands here; write \"…\""},
        {"@set x=\"1", "1:8: this quote is not closed; write another at the text's end"},
        {"@set x=\"a\\tb\"", "1:10: this is not an escape; write \\n, \\r, \\\\, \\' or \\\""},
        {"@set x=\"1\" # one",
         "1:12: '# one' stands where the line should end; remove it, put a comment on a line of its own"},
        {"@sett x=\"1\"", "1:1: '@sett' is not known; did you mean '@set'?"},
        {"@if x", "1:1: '@if' is not known; there are @set, @include and @include_optional"},
    };
    for (const auto& [text, mistake] : rows)
        EXPECT_EQ(mistakes(files(text)), "klb.conf:" + mistake + "\n") << text;
}

TEST(Klb, SaysWhatIsWrongOutsideOfServices) {
    struct {
        std::string text, mistake;
    } rows[] = {
        {"", "klb.conf: there is no service; write one, 'service {', with its directives and '}'"},
        {"# service {\n",
         "klb.conf: there is no service; write one, 'service {', with its directives and '}'"},
        {"  bind \"192.0.2.1:80\"",
         "klb.conf:1:3: 'bind' stands outside of a service; write it between 'service {' and '}'"},
        {"servise {", "klb.conf:1:1: unknown directive 'servise'; did you mean 'service'?"},
        {"control {", "klb.conf:1:1: unknown directive 'control'; write a service, 'service {'"},
        {"service{", "klb.conf:1:8: no white space stands behind 'service'; write some, as in 'service …'"},
        {"}", "klb.conf:1:1: '}' closes nothing; remove it, or write 'service {' before"},
        {"\"x\"", "klb.conf:1:1: no word stands here; write a directive such as 'service {'"},
        {std::string("\0", 1), "klb.conf:1:1: a zero byte stands here; write text"},
    };
    for (const auto& [text, mistake] : rows) EXPECT_EQ(mistakes(files(text)), mistake + "\n") << text;
}

TEST(Klb, SaysWhatIsWrongInServices) {
    struct {
        std::string line, mistake;
    } rows[] = {
        {"zeroconf_servise web",
         "2:1: unknown directive 'zeroconf_servise'; did you mean 'zeroconf_service'?"},
        {"sticky yes",
         "2:1: unknown directive 'sticky'; a service takes bind, scheduler, zeroconf_service, "
         "zeroconf_domain, "
         "zeroconf_interface"},
        {"service {",
         "2:1: a service stands inside another; close that with '}' on a line of its own before"},
        {"scheduler", "2:10: the value is missing; write one, in quotes"},
        {"scheduler \"\"", "2:11: the value is empty; write one, or leave the directive out"},
        {"scheduler \"rr", "2:11: this quote is not closed; write another at the value's end"},
        {"scheduler wlcc", "2:11: unknown scheduler 'wlcc'; did you mean 'wlc'?"},
        {"scheduler maglev",
         "2:11: unknown scheduler 'maglev'; Linux has rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, "
         "ovf, twos, "
         "mh"},
        {"scheduler rr; ",
         "2:13: a value without quotes has only letters, digits and '_.:-'; write \"…\" around it"},
        {"scheduler \"rr\" \"wlc\"",
         "2:16: '\"wlc\"' stands where the line should end; remove it, put a comment on a line of its own"},
        {"zeroconf_interface \"much-too-long-a-name\"",
         "2:20: 'much-too-long-a-name' is not an interface's name; write 1 to 15 characters without '/', ':' "
         "and "
         "spaces"},
        {"zeroconf_domain \"a..b\"",
         "2:17: 'a..b' is not a domain; write one such as local or dc1.example.org"},
    };
    for (const auto& [line, mistake] : rows)
        EXPECT_EQ(mistakes(files(service(line))), "klb.conf:" + mistake + "\n") << line;
}

TEST(Klb, SaysWhatIsWrongWithABind) {
    struct {
        std::string bind, mistake;
    } rows[] = {
        {"192.0.2.1", "'192.0.2.1' has no port; write ADDRESS:PORT, such as 192.0.2.1:80"},
        {"192.0.2.1:", "'192.0.2.1:' has no port; write ADDRESS:PORT, such as 192.0.2.1:80"},
        {"192.0.2.1:0", "'0' is not a port; write a number from 1 to 65535"},
        {"192.0.2.1:65616", "'65616' is not a port; write a number from 1 to 65535"},
        {"192.0.2.1:gopher", "'gopher' is not a port; write a number from 1 to 65535"},
        {"www.example.org:80", "'www.example.org' is not an IPv4 address; write one such as 192.0.2.1"},
        {"*:80", "'*' is not an IPv4 address; write one such as 192.0.2.1"},
        {"[2001:db8::1]:80",
         "'[2001:db8::1]:80' is not IPv4, which klb needs; write ADDRESS:PORT, such as 192.0.2.1:80"},
        {"2001:db8::1",
         "'2001:db8::1' is not IPv4, which klb needs; write ADDRESS:PORT, such as 192.0.2.1:80"},
        {"/run/socket", "'/run/socket' has no port; write ADDRESS:PORT, such as 192.0.2.1:80"},
        {"127.0.0.1:80", "127.0.0.1 is a loopback address; write a unicast address that the network carries"},
    };
    for (const auto& [bind, mistake] : rows)
        EXPECT_EQ(mistakes(files("service {\nzeroconf_service x\nbind \"" + bind + "\"\n}\n")),
                  "klb.conf:3:6: " + mistake + "\n");
}

TEST(Klb, SaysWhatIsWrongWithTheNameOfAZeroconfService) {
    const std::string name =
        " is not the name of a Zeroconf service; write 1 to 15 letters, digits and '-', such as http";
    struct {
        std::string value, mistake;
    } rows[] = {
        {"sixteen-letters-", "'sixteen-letters-'" + name},
        {"_http", "'_http'" + name},
        {"8080", "'8080'" + name},
        {"a--b", "'a--b'" + name},
        {"-a", "'-a'" + name},
        {"_http._sctp", "'_http._sctp' ends neither with ._tcp nor with ._udp; write it as in _http._tcp"},
        {"_._tcp", "''" + name},
    };
    for (const auto& [value, mistake] : rows)
        EXPECT_EQ(mistakes(files("service {\nbind 192.0.2.1:80\nzeroconf_service \"" + value + "\"\n}\n")),
                  "klb.conf:3:18: " + mistake + "\n");
}

TEST(Klb, MissesWhatAServiceNeeds) {
    EXPECT_EQ(mistakes(files("\n service {\n}\n")),
              "klb.conf:2:2: the service has no bind; add one such as bind \"192.0.2.1:80\"\n"
              "klb.conf:2:2: the service has no zeroconf_service, so klb finds no workers; add one such as "
              "zeroconf_service \"http\"\n");
    EXPECT_EQ(mistakes(files("service {\nbind 192.0.2.1:80\n")),
              "klb.conf:1:1: this service is not closed; write '}' on a line of its own\n");
}

TEST(Klb, TakesTheLastOfWhatStandsThereTwiceWhereKlbDoes) {
    auto outside = files(service("scheduler rr\nscheduler wlc\nzeroconf_type old"));
    EXPECT_EQ(accepted(outside).services.at(0).scheduler, "wlc");
    EXPECT_EQ(accepted(outside).services.at(0).type, "_web._tcp");
    EXPECT_EQ(
        warnings(outside),
        "klb.conf:3:1: 'scheduler' stands here again, after line 2; this one counts, as in klb\n"
        "klb.conf:6:1: 'zeroconf_service' stands here again, after line 4; this one counts, as in klb\n");
    EXPECT_EQ(mistakes(files(service("bind 192.0.2.2:80\nzeroconf_domain a\nzeroconf_domain b"))),
              "klb.conf:4:1: 'zeroconf_domain' stands here again, after line 3; keep one of the two\n"
              "klb.conf:5:1: 'bind' stands here again, after line 2; keep one of the two\n");
}

TEST(Klb, RefusesTwoServicesOnOneAddressAndPort) {
    EXPECT_EQ(mistakes(files(service("") + service(""))),
              "klb.conf:8:6: 192.0.2.1:80 is bound at klb.conf:3 already; choose another address or port\n");
}

TEST(Klb, TellsEveryMistakeInTheOrderOfReading) {
    EXPECT_EQ(mistakes(files("x\n@include 'other'\ny\n", {{"other", "\nz\n"}})),
              "klb.conf:1:1: unknown directive 'x'; write a service, 'service {'\n"
              "other:2:1: unknown directive 'z'; write a service, 'service {'\n"
              "klb.conf:3:1: unknown directive 'y'; write a service, 'service {'\n");
}

TEST(Klb, StopsAfterAHundredMistakes) {
    std::string text;
    for (int i = 0; i < 1000; i++) text += "x\n";
    auto read = klb::read("klb.conf", files(text));
    ASSERT_FALSE(read);
    ASSERT_EQ(read.error().size(), 101u);
    EXPECT_EQ(read.error().back().text(),
              "klb.conf:101:1: more mistakes begin here; correct those above first");
}

TEST(KlbIncludes, BeginPathsAtTheFileThatNamesThem) {
    FakeSurroundings outside;
    outside.files = {{"/etc/klb/klb.conf", "@include \"sites/all\"\n"},
                     {"/etc/klb/sites/all", "@include \"one\"\n@include '/srv/two'\n"},
                     {"/etc/klb/sites/one", service("")},
                     {"/srv/two", "service {\nbind 192.0.2.2:80\nzeroconf_service web\n}\n"}};
    auto read = klb::read("/etc/klb/klb.conf", outside);
    ASSERT_TRUE(read) << texts(read.error());
    EXPECT_THAT(binds(*read), ElementsAre("192.0.2.1:80", "192.0.2.2:80"));
    EXPECT_EQ(read->services.at(0).at.file, "/etc/klb/sites/one");
}

TEST(KlbIncludes, TakeFilesThatMatchByTheirNames) {
    auto one = [](const char* port) {
        return std::string("service {\nbind 192.0.2.1:") + port + "\nzeroconf_service web\n}\n";
    };
    std::map<std::string, std::string> others{{"conf.d/b.conf", one("82")},
                                              {"conf.d/a.conf", one("81")},
                                              {"conf.d/a.conf~", "x"},
                                              {"conf.d/.hidden.conf", one("80")}};
    EXPECT_THAT(binds(accepted(files("@include \"conf.d/*.conf\"\n", others))),
                ElementsAre("192.0.2.1:80", "192.0.2.1:81", "192.0.2.1:82"));
    EXPECT_THAT(binds(accepted(files("@include \"conf.d/[b].con?\"\n", others))),
                ElementsAre("192.0.2.1:82"));
    EXPECT_THAT(binds(accepted(files("@include \"*.part\"\n", {{"x.part", one("83")}}))),
                ElementsAre("192.0.2.1:83"));
    EXPECT_EQ(binds(accepted(files("@include \"conf.d/*.none\"\n" + service(""), others))).size(), 1u);
}

TEST(KlbIncludes, AreOptionalOnlyWhereTheySaySo) {
    EXPECT_EQ(mistakes(files("@include_optional \"local.conf\"\n" + service(""))), "");
    EXPECT_EQ(
        binds(accepted(files("@include_optional \"local.conf\"\n", {{"local.conf", service("")}}))).size(),
        1u);
    EXPECT_EQ(
        mistakes(files("@include \"local.conf\"\n")),
        "klb.conf:1:10: there is no file 'local.conf'; write its path, or @include_optional where it may be "
        "missing\n");
    EXPECT_EQ(mistakes(files("@include_optional 'a'\n", {{"a", std::string(FakeSurroundings::kUnreadable)}})),
              "klb.conf:1:19: 'a' is not included: no permission; name a readable file, and few of them\n");
    EXPECT_EQ(mistakes(files("@include \"none.d/*\"\n")),
              "klb.conf:1:10: the folder of 'none.d/*': no such directory; name one that can be read\n");
}

TEST(KlbIncludes, KnowNeitherVariablesNorOptionalWildcards) {
    EXPECT_EQ(mistakes(files("@set d=\"x\"\n@include \"${d}\"\n", {{"x", ""}})),
              "klb.conf:2:10: there is no file '${d}'; write its path, without variables\n");
    EXPECT_EQ(warnings(files("@include_optional \"*.conf\"\n" + service(""), {{"x.conf", "nonsense"}})),
              "klb.conf:1:19: @include_optional takes '*' and '?' as they stand, in klb too; write @include "
              "for all "
              "files that match\n");
    EXPECT_EQ(
        warnings(files("@set d=\"x\"\n@include_optional \"${d}\"\n" + service(""), {{"x", "nonsense"}})),
        "klb.conf:2:19: the path of an include takes '${' as it stands, in klb too; write the path out\n");
}

TEST(KlbIncludes, MayHoldAPartOfAService) {
    EXPECT_EQ(binds(accepted(files("@include \"head\"\nbind 192.0.2.1:80\n}\n",
                                   {{"head", "service {\nzeroconf_service web\n"}})))
                  .size(),
              1u);
    EXPECT_EQ(mistakes(files("@include \"head\"\n", {{"head", "\nservice {"}})),
              "head:2:1: this service is not closed; write '}' on a line of its own\n");
}

TEST(KlbIncludes, DoNotGoRound) {
    EXPECT_EQ(mistakes(files("@include 'a/b'\n", {{"a/b", "\n@include '../klb.conf'"}})),
              "a/b:2:10: 'a/../klb.conf' is being read already; let no file include itself\n");
    EXPECT_EQ(mistakes(files("@include \"*\"\n")),
              "klb.conf:1:10: 'klb.conf' is being read already; let no file include itself\n");
}

TEST(KlbIncludes, GoNoDeeperThanSixteen) {
    std::map<std::string, std::string> others;
    for (size_t i = 1; i < Includes::kDeepest; i++)
        others[fmt::format("{}", i)] = fmt::format("@include '{}'\n", i + 1);
    others["16"] = service("");
    EXPECT_EQ(mistakes(files("@include '1'\n", others)),
              "15:1:10: files include each other 16 deep; let one include the rest\n");
    others["15"] = service("");
    EXPECT_EQ(mistakes(files("@include '1'\n", others)), "");
}

TEST(KlbIncludes, AreBoundedTogether) {
    std::string often;
    for (size_t i = 0; i < Includes::kMostFiles; i++) often += "@include 'x'\n";
    EXPECT_EQ(mistakes(files(often, {{"x", ""}})),
              "klb.conf:1000:10: 'x' is not included: there are more than 1000 files; name a readable file, "
              "and few of "
              "them\n");
    EXPECT_EQ(
        mistakes(files("@include 'x'\n@include 'x'\n" + service(""), {{"x", std::string(600 << 10, '\n')}})),
        "klb.conf:2:10: 'x' is not included: all files together have more than 1 MiB; name a readable file, "
        "and "
        "few of them\n");
}

TEST(Klb, NeedsItsFile) {
    auto read = klb::read("none", FakeSurroundings{});
    ASSERT_FALSE(read);
    EXPECT_EQ(texts(read.error()), "none: there is no such file; give the path of a klb.conf\n");
    EXPECT_EQ(mistakes(files(std::string(FakeSurroundings::kUnreadable))),
              "klb.conf: no permission; give the path of a readable file\n");
}

TEST(Klb, BoundsWhatVariablesGrowTo) {
    EXPECT_EQ(mistakes(files("@set x='" + std::string(4097, 'x') + "'\n")),
              "klb.conf:1:8: the value has more than 4096 bytes; write a shorter one\n");
    std::string line = "bind \"";
    for (int i = 0; i < 17; i++) line += "${x}";
    EXPECT_EQ(mistakes(files("@set x='" + std::string(4096, 'x') + "'\n" + line + "\"\n")),
              "klb.conf:2:67: with its variables the line has more than 65536 bytes; write a shorter one\n");
}

}  // namespace
}  // namespace weir::config::klb
