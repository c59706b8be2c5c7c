// weir import: another balancer's configuration as weir.yaml(5). What weir does in another way is told on
// standard error and in the text's comments; what it cannot do is refused.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "cli/subcommand.h"
#include "config/klb/machine.h"
#include "config/klb/yaml.h"
#include "config/reader.h"

namespace weir::cli {
namespace {

using Imported = std::expected<std::string, int>;  // the text, or the exit code: all is told

Imported import_klb(const std::string& file) {
    namespace klb = config::klb;
    auto read = klb::read(file, klb::Machine());
    if (!read) {
        for (const auto& mistake : read.error()) std::cerr << mistake.text() << '\n';
        return std::unexpected(int{kBadInput});
    }
    auto yaml = klb::to_yaml(read->services, file);
    for (const auto* warnings : {&read->warnings, &yaml.warnings})
        for (const auto& [where, message] : *warnings)
            std::cerr << klb::Remark{where, "warning: " + message}.text() << '\n';
    return std::move(yaml.text);
}

struct Importer {
    std::string_view format;
    Imported (*import)(const std::string& file);
};

constexpr Importer kImporters[] = {{"klb", import_klb}};

struct Asked {
    std::string format;
    std::string file;
    std::string out;
};

Status write(const std::string& text, const std::string& path) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (!out) return fail("cannot write {}; name a file that you may write to with -o", path);
    return {};
}

int import(const Asked& asked) {
    std::vector<std::string_view> known;
    for (const auto& importer : kImporters) known.push_back(importer.format);
    auto importer = std::ranges::find(kImporters, asked.format, &Importer::format);
    if (importer == std::end(kImporters))
        return refuse(Error{fmt::format(
            "unknown format '{}'; {}", asked.format,
            config::suggest(asked.format, known, fmt::format("write {}", fmt::join(known, ", "))))});
    std::error_code ignored;
    if (std::filesystem::equivalent(asked.file, asked.out, ignored))
        return refuse(Error{fmt::format("-o {}: that is the file to be read", asked.out)});
    auto text = importer->import(asked.file);
    if (!text) return text.error();
    if (asked.out.empty() || asked.out == "-") {
        std::cout << *text << std::flush;
        return std::cout ? int{kDone} : complain({"cannot write to standard output"});
    }
    auto written = write(*text, asked.out);
    return written ? int{kDone} : complain(written.error());
}

}  // namespace

Run declare_import(Options& options, const Context&) {
    auto asked = std::make_shared<Asked>();
    options.argument("FORMAT", asked->format, "Whose configuration it is: klb");
    options.argument("FILE", asked->file, "The configuration, such as /etc/cm4all/klb/klb.conf");
    options.option("-o,--output", asked->out, "Write to this file; default, and -: standard output");
    return [asked] { return import(*asked); };
}

}  // namespace weir::cli
