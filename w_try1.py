import time, json
from tests.lab import Lab
from tests.integration.dispatcher import Dispatcher
with Lab.create() as lab:
    d = Dispatcher(lab.inventory)
    for i in range(3):
        t=time.time(); a=d.run("epyc6","--exec","echo hi; printf 'err\\377' >&2; id","--json"); print(time.time()-t, a)
    t=time.time(); a=d.run("epyc6","--exec","sleep 30","--timeout","1","--json"); print(time.time()-t, a)
    t=time.time(); a=d.run("epyc6","--exec","head -c 2000000000 /dev/zero","--timeout","100","--json"); print(time.time()-t, a.code, len(a.out), {k:v for k,v in a.result.items() if not k.startswith('std')})
    d.close()
