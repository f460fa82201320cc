<?php
return ['default' => 'sqlite', 'connections' => ['sqlite' => ['driver' => 'sqlite', 'database' => base_path('shop.sqlite'), 'prefix' => '']], 'migrations' => 'migrations'];
