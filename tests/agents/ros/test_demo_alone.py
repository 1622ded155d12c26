"""The demo's commands to its robot reach nobody else: it refuses a domain with company."""

import contextlib

import pytest
from tests.ros_domain import free_domain, wait_until

from kibble.agents.ros.demo import check_alone
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.dds.dds_transport import DdsTransport


@pytest.mark.parametrize("company", [1, 10])
def test_company_is_refused_however_many_they_are(company):
    domain = free_domain()
    with contextlib.ExitStack() as stack:
        for number in range(company):
            stack.enter_context(contextlib.closing(DdsTransport(f"other_{number}", domain=domain)))
        transport = stack.enter_context(contextlib.closing(DdsTransport("demo", domain=domain)))
        wait_until(lambda: transport.others == company)
        with pytest.raises(ConfigError, match=rf"nobody else uses, got company: .* {company} oth"):
            check_alone(transport)


def test_a_domain_of_its_own_is_taken():
    with contextlib.closing(DdsTransport("demo", domain=free_domain())) as transport:
        wait_until(lambda: transport.others == 0)  # what earlier tests left
        check_alone(transport)
