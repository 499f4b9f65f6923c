"""All dashboards, in the order in which they are offered."""

from dashboards.generate.election_day import ELECTION_DAY
from dashboards.generate.integrity import INTEGRITY_PAGE
from dashboards.generate.mail import MAIL_PAGE
from dashboards.generate.on_call import ON_CALL
from dashboards.generate.one_service import SERVICE_PAGE
from dashboards.generate.telemetry_pipeline import TELEMETRY_PIPELINE

ALL = (ELECTION_DAY, ON_CALL, SERVICE_PAGE, INTEGRITY_PAGE, MAIL_PAGE, TELEMETRY_PIPELINE)
