// The XDP engine by itself, between real neighbours.
#include "engine/xdp/xdp.h"

#include "lab/bpffs.h"
#include "tests/e2e/neighbourhood.h"

namespace weir::net {
namespace {

class EngineTest : public Neighbourhood {
  protected:
    static model::Frontend service(const std::string& vips, const std::string& backend) {
        auto prefix = *Prefix::parse(vips);
        model::Frontend out;
        out.key.vip = prefix.address;
        out.key.free_bits = free_bits(prefix);
        out.key.port = Port(1);
        out.scheduler.table_size = 1021;
        out.targets.push_back({{ip(backend)}, {true, ""}, model::Accepts::all});
        return out;
    }
};

TEST_F(EngineTest, KeepsTheWaysOfThePlanInForceWhenItRefusesAnother) {
    lab::PrivateBpffs bpffs;
    balancer_->run([&] {
        auto engine = lab::must(engine::xdp::Xdp::open(io_.get_executor(), bpffs.path() + "/weir", [] {}));
        model::Plan plan;
        plan.flows.size = 1024;
        plan.interfaces = {{.name = "eth0", .mode = model::XdpMode::generic}};
        plan.frontends = {service("192.0.2.1/32", "10.0.0.2")};
        auto applied = engine->apply(plan);
        ASSERT_TRUE(applied) << applied.error().message;
        ASSERT_TRUE(until([&] { return engine->unreachable().empty(); }));

        plan.frontends.clear();
        for (const char* vips : {"192.0.2.0/24", "198.51.100.0/25", "203.0.113.0/26"}) {
            plan.frontends.push_back(service(vips, "10.0.0.3"));
            plan.frontends.edit(plan.frontends.size() - 1).key.more_ports = 65533;
        }
        EXPECT_FALSE(engine->apply(plan)) << "more forms than the datapath has room for";
        EXPECT_EQ(engine->unreachable(), (std::map<model::TargetKey, std::string>{}));
    });
}

}  // namespace
}  // namespace weir::net
