#include <map>
#include <vector>

#include "check.hpp"
#include "cluster/neighbor_weights.hpp"
#include "core/random.hpp"

using namespace cellweave;

TEST("weights add up by community, in the order of first addition, whatever was added before") {
    const Random random(7, 0);
    NeighborWeights weights;
    std::uint64_t draw = 0;
    // Few, then more than the table was made for, then few again; of communities near each other and far apart.
    for (const int n_added : {0, 1, 20, 100, 5000, 3, 0, 40}) {
        for (const std::uint32_t n_communities : {2U, 30U, 2000000000U}) {
            weights.clear();
            std::map<Vertex, double> expected;
            std::vector<Vertex> order;
            for (int k = 0; k < n_added; ++k) {
                const auto community = static_cast<Vertex>(random.below(draw++, n_communities));
                const double weight = random.uniform(draw++);
                if (!expected.contains(community)) order.push_back(community);
                expected[community] += weight;
                weights.add(community, weight);
            }
            CHECK(weights.size() == order.size());
            for (std::size_t k = 0; k < order.size(); ++k) {
                CHECK(weights[k].community == order[k]);
                CHECK(weights[k].weight == expected[order[k]]);
                CHECK(weights.of(order[k]) == expected[order[k]]);
            }
            CHECK(weights.of(2000000001) == 0);
        }
    }
}
