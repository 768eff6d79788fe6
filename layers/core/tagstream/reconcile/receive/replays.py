"""Acts on a delivery once, however often its sender repeats it.

A delivery has one item in the table, which is written when everything is done: a repetition of a delivery that is still
in flight, or whose worker was killed, is acted on again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyPersistenceLayerError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import STATUS_CONSTANTS, DataRecord

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.webhook import DeliveryStore


class DeliveryRecords(BasePersistenceLayer):
    """Powertools' idempotency records of one Receiver's deliveries, kept in the DeliveryStore.

    Only completed deliveries have a record, so that nothing has to be cleared away when a worker is killed.
    """

    def __init__(self, receiver: NamespacedName, delivery_id: str, ttl_s: float, deliveries: DeliveryStore) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._receiver, self._id, self._ttl_s, self._deliveries = receiver, delivery_id, ttl_s, deliveries

    def save_inprogress(self, data: Any, remaining_time_in_millis: int | None = None) -> None:
        """Look for a record; how much time is left does not matter, because none is written now."""
        super().save_inprogress(data, remaining_time_in_millis or 0)

    def _put_record(self, data_record: DataRecord) -> None:
        if self._deliveries.delivery_settled(self._receiver, self._id):
            raise IdempotencyItemAlreadyExistsError(old_data_record=self._get_record(data_record.idempotency_key))

    def _get_record(self, idempotency_key: str) -> DataRecord:
        return DataRecord(idempotency_key=idempotency_key, status=STATUS_CONSTANTS["COMPLETED"])

    def _update_record(self, data_record: DataRecord) -> None:
        self._deliveries.settle_delivery(self._receiver, self._id, self._ttl_s)

    def _delete_record(self, data_record: DataRecord) -> None:
        """Nothing was written for a delivery that failed."""


def act_once(records: DeliveryRecords, delivery_id: str, act: Callable[[], int]) -> int | None:
    """What ``act`` returns; None when a delivery of this id was acted on before.

    Raises:
        ImageAutomationError: of ``act``, or of the table; the delivery counts as not acted on.
    """

    def run(*, delivery_id: str) -> int:
        return act()

    once = idempotent_function(
        run,
        data_keyword_argument="delivery_id",
        persistence_store=records,
        config=IdempotencyConfig(hash_function="sha256"),
    )
    try:
        found: int | None = once(delivery_id=delivery_id)
    except IdempotencyPersistenceLayerError as error:
        # Powertools wraps the errors of the store.
        if isinstance(error.__cause__, ImageAutomationError):
            raise error.__cause__ from None
        raise
    return found
