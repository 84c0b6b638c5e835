"""The agent: reads what the data plane observes, answers with weights, and learns from what comes of it."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from environment import LoadBalancer
from policies import Inverse, Learner, Policy, Told, Uniform

POLICIES = ("learner", "uniform", "inverse", "told")


def policy_of(options: argparse.Namespace) -> Policy:
    """Make the policy that was asked for."""
    if options.policy == "learner":
        return Learner(options.seed, options.memory)
    if options.policy == "told":
        return Told(options.length)
    return Uniform() if options.policy == "uniform" else Inverse()


def main() -> None:
    """Answer until the data plane has ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="of the region")
    parser.add_argument("--policy", choices=POLICIES, default="learner")
    parser.add_argument("--seed", type=int, default=1, help="of the noise that the learner tries")
    parser.add_argument("--memory", type=Path, help="where a learner leaves what it knows to the next")
    parser.add_argument("--length", type=float, help="of the run, for a policy that is told the speeds")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    policy = policy_of(options)
    balancer = LoadBalancer(options.name)
    try:
        seen, _ = balancer.reset()
        ended = False
        while not ended:
            seen, reward, ended, _, _ = balancer.step(policy.act(seen))
            policy.learn(reward)
    except (KeyboardInterrupt, EOFError):
        pass
    finally:
        balancer.close()


if __name__ == "__main__":
    main()
