"""A process that stores acts in a shared store: `HOME DATABASE NAME COUNT [PAUSE_S] [REVISION]`.

It prints the number of every act once it is stored, and repeats one whose database went away. With
a REVISION it takes itself for a program of that schema.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from admin_api import tables
from admin_api.acts import ledger
from admin_api.acts.roles import ActKind
from admin_api.errors import StoreError, StoreLost
from admin_api.office import open_office
from admin_api.settings import Settings
from admin_api.staff import keys
from admin_api.staff.service import open_key
from tests.office.people import PASSPHRASE

CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


def main() -> None:
    home, database, name, count, *more = sys.argv[1:]
    pause_s = float(more[0]) if more else 0.0
    keys._COST = CHEAP
    if len(more) > 1:
        from admin_api import migrations

        migrations.upgrade = lambda engine: None
        ledger.newest = lambda: more[1]
    office = open_office(Settings(Path(home), database))
    me = open_key(office.ledger, name, PASSPHRASE)
    print("ready", flush=True)
    for number in range(int(count)):
        while True:
            try:
                with office.ledger.act(me, ActKind.SETTLE, target=str(number)) as act:
                    row = {"matter": f"{number}", "reason": "for a test", "who": name}
                    there = act.read(
                        tables.settlement.select().where(
                            tables.settlement.c.matter == row["matter"],
                            tables.settlement.c.who == name,
                        )
                    )
                    if there.is_empty():
                        act.add(tables.settlement, [row])
                    time.sleep(pause_s)
                break
            except StoreLost:
                continue
            except StoreError as error:
                print(f"ended: {error}", flush=True)
                sys.exit(3)
        print(number, flush=True)


if __name__ == "__main__":
    main()
