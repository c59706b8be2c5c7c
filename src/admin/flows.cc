#include "admin/flows.h"

#include <boost/json.hpp>

#include "admin/query.h"
#include "control/census.h"
#include "control/controller.h"

namespace weir::admin {
namespace {

Result<control::CensusQuestion> read_question(const Request& request) {
    control::CensusQuestion question;
    question.service = parameter(request, "service");
    auto limit = number_parameter(request, "limit", 1, kMostHolders, question.limit);
    if (!limit) return propagate(limit);
    question.limit = *limit;
    if (auto text = parameter(request, "backend"); !text.empty()) {
        auto address = net::Ip::parse(text);
        if (!address) return propagate(address, "backend");
        question.backend = *address;
    }
    return question;
}

/// A name that is misspelt must not look like a backend without flows.
Status known(const model::Config& config, const control::CensusQuestion& question) {
    if (question.backend) return control::known(config, {*question.backend, question.service});
    return question.service.empty() ? Status() : control::known(config, question.service);
}

}  // namespace

Rendering get_flows(control::Controller& controller, const Request& request) {
    auto question = read_question(request);
    if (!question) return at_once(error(400, question.error().message));
    if (auto found = known(controller.config(), *question); !found)
        return at_once(error(404, found.error().message));
    return [question = *question, report = controller.status()] {
        return Response{
            200, boost::json::serialize(control::census_json(control::census(report, question))) + "\n"};
    };
}

}  // namespace weir::admin
