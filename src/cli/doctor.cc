// weir doctor: what on this host stands in the way of balancing, and how to mend it.
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

#include "cli/subcommand.h"
#include "cli/table.h"
#include "config/load.h"
#include "doctor/diagnose.h"
#include "doctor/gather.h"

namespace weir::cli {
namespace {

using doctor::Finding;
using doctor::Severity;

struct Asked {
    std::string config;
    std::vector<std::string> interfaces;
    bool json = false;
};

Colour colour_of(Severity severity) {
    return severity == Severity::ok        ? Colour::good
           : severity == Severity::problem ? Colour::bad
                                           : Colour::none;
}

void print(const std::vector<Finding>& findings) {
    size_t width = 0;
    for (const Finding& finding : findings) width = std::max(width, finding.subject.size());
    for (const Finding& finding : findings) {
        const std::string mark = fmt::format("{:<9}", doctor::to_text(finding.severity));
        std::cout << paint(mark, colour_of(finding.severity), coloured_output())
                  << fmt::format("{:<{}}  {}\n", finding.subject, width, finding.what);
        if (!finding.remedy.empty())
            std::cout << fmt::format("{:<{}}  -> {}\n", "", 9 + width, finding.remedy);
    }
}

void print_json(const std::vector<Finding>& findings) {
    boost::json::array rows;
    for (const Finding& finding : findings)
        rows.push_back({{"severity", doctor::to_text(finding.severity)},
                        {"subject", finding.subject},
                        {"what", finding.what},
                        {"remedy", finding.remedy}});
    std::cout << boost::json::serialize(rows) << '\n';
}

/// The named ones, as the configuration has them where it does.
std::vector<model::Interface> chosen(const std::vector<std::string>& names,
                                     const std::vector<model::Interface>& configured) {
    std::vector<model::Interface> interfaces;
    for (const std::string& name : names) {
        const auto found = std::ranges::find(configured, name, &model::Interface::name);
        interfaces.push_back(found == configured.end() ? model::Interface{.name = name} : *found);
    }
    return interfaces;
}

int examine(const Context& context, const Asked& asked) {
    doctor::Wanted wanted;
    if (!asked.config.empty()) {
        const auto loaded = context.daemon->load(asked.config);
        if (!loaded) return refuse(asked.config, loaded.error());
        wanted = doctor::wanted_by(*loaded);
        const auto bytes = context.daemon->table_bytes(*loaded);
        if (!bytes) return complain(bytes.error());
        wanted.table_bytes = *bytes;
    }
    if (!asked.interfaces.empty()) wanted.interfaces = chosen(asked.interfaces, wanted.interfaces);
    const auto facts = doctor::gather(std::move(wanted));
    if (!facts) return complain(facts.error());
    const auto findings = doctor::diagnose(*facts);
    if (asked.json)
        print_json(findings);
    else
        print(findings);
    const bool wrong = std::ranges::any_of(
        findings, [](const Finding& finding) { return finding.severity == Severity::problem; });
    return wrong ? kFailed : kDone;
}

}  // namespace

Run declare_doctor(Options& options, const Context& context) {
    auto asked = std::make_shared<Asked>();
    options.option("-c,--config", asked->config, "Examine the host for this configuration, weir.yaml(5)");
    options.arguments("INTERFACE", asked->interfaces,
                      "Only these; default: the configuration's, or all Ethernet ones that are up");
    options.flag("--json", asked->json, "Print it as JSON");
    return [asked, &context] { return examine(context, *asked); };
}

}  // namespace weir::cli
