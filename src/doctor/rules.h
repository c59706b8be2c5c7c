// Inside this folder: where the rules put what they find.
#pragma once

#include "doctor/diagnose.h"

namespace weir::doctor {

class Findings {
  public:
    explicit Findings(std::vector<Finding>& into, std::string subject)
        : into_(into), subject_(std::move(subject)) {}

    void ok(std::string what) { add(Severity::ok, std::move(what), ""); }
    void advice(std::string what, std::string remedy) {
        add(Severity::advice, std::move(what), std::move(remedy));
    }
    void problem(std::string what, std::string remedy) {
        add(Severity::problem, std::move(what), std::move(remedy));
    }

  private:
    void add(Severity severity, std::string what, std::string remedy) {
        into_.push_back({severity, subject_, std::move(what), std::move(remedy)});
    }

    std::vector<Finding>& into_;
    std::string subject_;
};

/// What the proxy engine needs.
void judge_proxy(const Facts& facts, std::vector<Finding>& into);
void judge_interface(const InterfaceFacts& interface, const Facts& facts, std::vector<Finding>& into);

}  // namespace weir::doctor
